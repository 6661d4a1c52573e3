// Puts the texts of server-sent events into the elements that carry their name, and tells whether we are connected.
"use strict";
(() => {
  const source = document.body.dataset.stream;
  if (!source || !window.EventSource) return;
  const light = document.querySelector("[data-connection]");
  const places = new Map();
  for (const element of document.querySelectorAll("[data-live]")) {
    const name = element.dataset.live;
    places.set(name, [...(places.get(name) || []), element]);
  }
  const FIRST_MS = 2000, LONGEST_MS = 60000, LATE_MS = 8000;
  let stream;
  const show = (element, text) => {
    if (element.textContent === text) return;
    element.textContent = text;
    element.classList.remove("ticked");
    void element.offsetWidth;
    element.classList.add("ticked");
  };
  let state;
  // The list as it is now, unless somebody is in the middle of using it.
  const refresh = async () => {
    const main = document.getElementById("main");
    if (main.contains(document.activeElement) && document.activeElement !== main) return;
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const next = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("main");
    if (next) main.replaceChildren(...next.childNodes);
  };
  const tell = (connected) => {
    const text = light.lastElementChild;
    light.hidden = false;
    light.classList.toggle("lost", !connected);
    text.classList.toggle("sr", connected);
    text.textContent = connected ? light.dataset.liveText : light.dataset.lostText;
  };
  let wait, again, late;
  const close = () => { clearTimeout(again); clearTimeout(late); late = undefined; stream?.close(); stream = undefined; };
  const open = () => {
    stream = new EventSource(source);
    stream.onopen = () => { wait = FIRST_MS; clearTimeout(late); late = undefined; tell(true); };
    stream.onerror = () => {
      // The server ends each stream now and then, and the browser opens the next: that is no loss.
      if (stream.readyState !== EventSource.CLOSED) { late ??= setTimeout(() => tell(false), LATE_MS); return; }
      // After an answer that is no stream, such as 502 or 503, it never would.
      close();
      tell(false);
      again = setTimeout(open, wait * (0.5 + Math.random()));
      wait = Math.min(2 * wait, LONGEST_MS);
    };
    stream.onmessage = (message) => {
      const event = JSON.parse(message.data);
      for (const [name, text] of Object.entries(event.live || {})) {
        for (const element of places.get(name) || []) show(element, text);
      }
      if (event.page) { if (state && state !== event.page) refresh(); state = event.page; }
      if (event.point) document.dispatchEvent(new CustomEvent("beacon:point", { detail: event.point }));
    };
  };
  const begin = () => { close(); wait = FIRST_MS; open(); };
  // A page nobody looks at costs the server nothing.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : begin()));
  window.addEventListener("pagehide", close);
  if (!document.hidden) begin();
})();
