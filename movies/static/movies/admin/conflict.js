// Buttons of a conflict: each puts their value of a field into the form, or that of the person who edits it.
"use strict";

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-take]");
  if (!button) return;
  const choice = button.closest("[data-choice]");
  const value = JSON.parse(choice.dataset.values)[button.dataset.take];
  const field = choice.dataset.choice;
  if (field === "profile") {
    document.querySelectorAll("[data-weight]").forEach((input, index) => { input.value = value[index]; });
    document.querySelector("[data-weight]").dispatchEvent(new Event("input", { bubbles: true }));
  } else {
    const input = document.querySelector(`#id_${field}`);
    if (field === "hidden") input.checked = value;
    else input.value = value;
  }
  choice.querySelectorAll("[data-take]").forEach((other) => {
    other.setAttribute("aria-pressed", String(other === button));
  });
});
