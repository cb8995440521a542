// Page of a running bulk job: polls and shows its progress, and reloads the page when the job has stopped running.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const box = document.querySelector("[data-progress]");
  if (!box) return;
  const bar = box.querySelector("i");
  const status = box.querySelector("[data-says]");

  async function poll() {
    try {
      const response = await fetch(box.dataset.progress, { headers: { Accept: "application/json" } });
      if (response.ok) {
        const job = await response.json();
        if (!job.under_way) {
          window.location.reload();
          return;
        }
        const percent = job.total ? Math.min(100, Math.floor((100 * job.done) / job.total)) : 0;
        bar.style.width = `${percent}%`;
        const size = (number) => number.toLocaleString("en");
        const count = job.unit === "movies" && job.total ? ` (${size(job.done)} of ${size(job.total)} movies)` : "";
        status.textContent = job.done ? `${job.state}: ${percent}%${count}` : `${job.state} …`;
      }
    } catch {
      status.textContent = "The service is unreachable; retrying.";
    }
    window.setTimeout(poll, 1000);
  }
  poll();
});
