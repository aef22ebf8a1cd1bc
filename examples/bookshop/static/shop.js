// While an order waits for its payment, look every second whether it has changed.
"use strict";

const follow = async () => {
  const shown = document.getElementById("order");
  if (!shown || shown.dataset.state !== "waiting") return;
  try {
    const answer = await fetch(location.pathname, { headers: { "X-Follow": "1" }, cache: "no-store" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("order");
    if (answer.ok && fresh && fresh.innerHTML !== shown.innerHTML) {
      shown.replaceWith(fresh);
      document.title = page.title;
    }
  } catch {
    // The shop is being restarted: look again.
  }
  setTimeout(follow, 1000);
};

follow();
