// `/` goes to the search of the page, or opens the palette where the page has none.
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  event.preventDefault();
  const search = document.querySelector("main :is([type=search], #searchbar, [data-search])");
  if (search) search.focus();
  else window.dispatchEvent(new CustomEvent("opencommand"));
});
