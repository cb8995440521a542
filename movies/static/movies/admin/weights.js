// The 15 weights of a movie: their sum while one types, what is wrong, and a button that mends the sum.
"use strict";

(() => {
  const WHOLE = /^\d{1,5}$/;

  function watch(box) {
    const total = Number(box.dataset.total);
    const inputs = [...box.querySelectorAll("[data-weight]")];
    const sum = box.querySelector("[data-sum]");
    const even = box.querySelector("[data-even]");
    const parts = new Map([...box.querySelectorAll("[data-for]")].map((part) => [part.dataset.for, part]));
    const name = (input) => input.closest("label").querySelector("span").textContent;
    const text = (input) => input.value.trim() || "0";
    const bad = (input) => !WHOLE.test(text(input)) || Number(text(input)) > total;

    function look() {
      const wrong = inputs.filter(bad);
      const values = inputs.map((input) => (bad(input) ? 0 : Number(text(input))));
      const is = values.reduce((one, other) => one + other, 0);
      inputs.forEach((input, place) => {
        input.setAttribute("aria-invalid", String(bad(input)));
        parts.get(input.name).style.width = `${(100 * values[place]) / Math.max(is, total)}%`;
      });
      const apart = total - is;
      let says = `The weights sum to ${is}: right.`;
      if (wrong.length) {
        says = `Not a whole number from 0 to ${total}: ${wrong.map(name).join(", ")}.`;
      } else if (apart) {
        says = `The weights sum to ${is}, not ${total}: ${Math.abs(apart)} too ${apart > 0 ? "few" : "many"}.`;
      }
      sum.textContent = says;
      sum.classList.toggle("tf-wrong", Boolean(wrong.length || apart));
      even.disabled = Boolean(wrong.length) || !apart || !is;
    }

    // Keeps the proportions; what rounding leaves goes to those that lost most by it.
    function evenOut() {
      const values = inputs.map((input) => Number(text(input)));
      const is = values.reduce((one, other) => one + other, 0);
      const exact = values.map((value) => (value * total) / is);
      const whole = exact.map(Math.floor);
      const left = total - whole.reduce((one, other) => one + other, 0);
      const order = exact.map((value, place) => [value - whole[place], place]).sort((a, b) => b[0] - a[0]);
      order.slice(0, left).forEach(([, place]) => { whole[place] += 1; });
      inputs.forEach((input, place) => { input.value = whole[place]; });
      look();
    }

    inputs.forEach((input) => input.addEventListener("input", look));
    even.addEventListener("click", evenOut);
    look();
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("[data-weights]").forEach(watch);
  });
})();
