// Buttons that copy a text: <button type="button" data-copy="#id of the element with the text">Copy</button>.
"use strict";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.querySelector(button.dataset.copy);
  const text = source.value ?? source.textContent.trim();
  const label = button.dataset.label || button.textContent;
  button.dataset.label = label;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch { // no permission, or the page came over plain HTTP
    window.getSelection().selectAllChildren(source);
    button.textContent = "Press Ctrl-C";
  }
  window.setTimeout(() => { button.textContent = label; }, 2000);
});
