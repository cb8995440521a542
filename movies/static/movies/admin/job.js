// A bulk job under way: shows how far it is, and loads the page anew when it is not under way any more.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const box = document.querySelector("[data-progress]");
  if (!box) return;
  const bar = box.querySelector("i");
  const says = box.querySelector("[data-says]");

  async function look() {
    try {
      const answer = await fetch(box.dataset.progress, { headers: { Accept: "application/json" } });
      if (answer.ok) {
        const job = await answer.json();
        if (!job.under_way) {
          window.location.reload();
          return;
        }
        const percent = job.total ? Math.min(100, Math.floor((100 * job.done) / job.total)) : 0;
        bar.style.width = `${percent}%`;
        says.textContent = `${job.state}: ${percent}%`;
      }
    } catch {
      says.textContent = "The service does not answer; trying again.";
    }
    window.setTimeout(look, 1000);
  }
  look();
});
