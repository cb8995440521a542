// The box of a group ticks all its messages, and shows whether all, some or none are ticked.
"use strict";

document.querySelectorAll("[data-letters] .ti-group").forEach((group) => {
  const all = group.querySelector("[data-all]");
  if (!all) return; // the reader may not act
  const each = [...group.querySelectorAll("[name=id]")];
  all.addEventListener("change", () => each.forEach((box) => { box.checked = all.checked; }));
  group.addEventListener("change", () => {
    const ticked = each.filter((box) => box.checked).length;
    all.checked = ticked === each.length;
    all.indeterminate = ticked > 0 && ticked < each.length;
  });
});
