// Makes the pages follow what happens, without a reload. Without this file they work all the same.
"use strict";

(() => {
  let live = document.getElementById("live");
  let loadedAt = performance.now();
  let busy = false;

  const show = (html) => {
    const fresh = new DOMParser().parseFromString(html, "text/html");
    const next = fresh.getElementById("live");
    if (!next) return location.reload();
    const open = [...live.querySelectorAll("details[open][id]")].map((each) => each.id);
    const focused = document.activeElement?.id;
    const changed = next.dataset.version !== live.dataset.version;
    live.replaceWith(next);
    live = next;
    loadedAt = performance.now();
    document.title = fresh.title;
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (focused) document.getElementById(focused)?.focus();
    if (changed) document.getElementById("announcer").textContent = live.dataset.say;
    prepare();
  };

  // The page that a payer sees who has just paid: it goes on to the shop.
  const afterPayment = () => {
    const url = new URL(location.href);
    if (document.body.classList.contains("checkout")) url.searchParams.set("after", "payment");
    return url.href;
  };

  const load = async (options = {}, url = location.href) => {
    busy = true;
    try {
      show(await (await fetch(url, { cache: "no-store", ...options })).text());
    } finally {
      busy = false;
    }
  };

  const offline = (is) => document.body.classList.toggle("offline", is);

  const follow = async () => {
    const reading = "calm" in live.dataset && !document.getSelection().isCollapsed;
    if (!document.hidden && !busy && !reading) {
      try {
        const { version } = await (await fetch(live.dataset.poll, { cache: "no-store" })).json();
        offline(false);
        if (!busy && version !== live.dataset.version) await load({}, afterPayment());
      } catch {
        offline(true);
      }
    }
    setTimeout(follow, 1000);
  };

  const clock = (seconds) => {
    const parts = [Math.floor(seconds / 60) % 60, seconds % 60];
    if (seconds >= 3600) parts.unshift(Math.floor(seconds / 3600));
    return parts.map((part, at) => (at ? String(part).padStart(2, "0") : part)).join(":");
  };

  const tick = () => {
    for (const timer of live.querySelectorAll("[data-seconds]")) {
      const left = Math.max(0, Math.round(timer.dataset.seconds - (performance.now() - loadedAt) / 1000));
      timer.textContent = clock(left);
      timer.classList.toggle("soon", left < 60);
    }
  };

  const localTimes = () => {
    for (const each of live.querySelectorAll("[data-local]")) {
      const at = new Date(each.dataset.local);
      if (at.getTimezoneOffset() === 0) continue;
      each.textContent = `${at.toLocaleString([], { dateStyle: "medium", timeStyle: "short" })} your time`;
    }
  };

  let goingOn;
  const goOn = () => {
    const link = live.querySelector("[data-go-on]");
    if (!link || goingOn) return;
    goingOn = setTimeout(() => location.assign(link.href), link.dataset.goOn * 1000);
    live.querySelector("[data-stay]").hidden = false;
  };

  const prepare = () => {
    tick();
    localTimes();
    goOn();
    for (const button of live.querySelectorAll("[data-copy]")) button.hidden = !navigator.clipboard;
  };

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!live?.contains(form) || !("inline" in form.dataset)) return;
    event.preventDefault();
    if (busy) return;
    const fields = new URLSearchParams(new FormData(form, event.submitter));
    event.submitter?.setAttribute("aria-busy", "true");
    try {
      await load({ method: "POST", body: fields }, form.getAttribute("action") ?? location.href);
      live.querySelector("[data-focus]")?.focus();
    } catch {
      offline(true);
    }
    event.submitter?.removeAttribute("aria-busy");
  });

  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-stay]")) return;
    clearTimeout(goingOn);
    live.querySelector(".going").remove();
  });

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = "Copied";
  });

  if (live) {
    prepare();
    setInterval(tick, 1000);
    setTimeout(follow, 1000);
  }
})();
