// Form of the 15 weights of a movie: shows their sum and errors while a person types, and scales them to 100.
"use strict";

(() => {
  const WHOLE_NUMBER = /^\d{1,5}$/;

  function enhance(box) {
    const total = Number(box.dataset.total);
    const inputs = [...box.querySelectorAll("[data-weight]")];
    const sum = box.querySelector("[data-sum]");
    const scaleButton = box.querySelector("[data-even]");
    const parts = new Map([...box.querySelectorAll("[data-for]")].map((part) => [part.dataset.for, part]));
    const name = (input) => input.closest("label").querySelector("span").textContent;
    const text = (input) => input.value.trim() || "0";
    const bad = (input) => !WHOLE_NUMBER.test(text(input)) || Number(text(input)) > total;

    function update() {
      const wrong = inputs.filter(bad);
      const values = inputs.map((input) => (bad(input) ? 0 : Number(text(input))));
      const actual = values.reduce((one, other) => one + other, 0);
      inputs.forEach((input, index) => {
        input.setAttribute("aria-invalid", String(bad(input)));
        parts.get(input.name).style.width = `${(100 * values[index]) / Math.max(actual, total)}%`;
      });
      const missing = total - actual;
      let message = `Total ${actual}`;
      if (wrong.length) {
        message = `Not a whole number from 0 to ${total}: ${wrong.map(name).join(", ")}.`;
      } else if (missing) {
        message = `Total ${actual}: ${Math.abs(missing)} too ${missing > 0 ? "few" : "many"}`;
      }
      sum.textContent = message;
      sum.classList.toggle("tf-wrong", Boolean(wrong.length || missing));
      scaleButton.disabled = Boolean(wrong.length) || !missing || !actual;
    }

    // Keeps the proportions: the weights that rounding down reduced most get the remainder.
    function scale() {
      const values = inputs.map((input) => Number(text(input)));
      const actual = values.reduce((one, other) => one + other, 0);
      const exact = values.map((value) => (value * total) / actual);
      const whole = exact.map(Math.floor);
      const remainder = total - whole.reduce((one, other) => one + other, 0);
      const order = exact.map((value, index) => [value - whole[index], index]).sort((a, b) => b[0] - a[0]);
      order.slice(0, remainder).forEach(([, index]) => { whole[index] += 1; });
      inputs.forEach((input, index) => { input.value = whole[index]; });
      update();
    }

    inputs.forEach((input) => input.addEventListener("input", update));
    scaleButton.addEventListener("click", scale);
    update();
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("[data-weights]").forEach(enhance);
  });
})();
