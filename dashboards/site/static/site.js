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
  const open = () => {
    stream = new EventSource(source);
    stream.onopen = () => { light.hidden = false; light.classList.remove("lost"); };
    stream.onerror = () => light.classList.add("lost");
    stream.onmessage = (message) => {
      const event = JSON.parse(message.data);
      for (const [name, text] of Object.entries(event.live || {})) {
        for (const element of places.get(name) || []) show(element, text);
      }
      if (event.page) { if (state && state !== event.page) refresh(); state = event.page; }
      if (event.point) document.dispatchEvent(new CustomEvent("beacon:point", { detail: event.point }));
    };
  };
  // A page nobody looks at costs the server nothing.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { stream?.close(); stream = undefined; } else if (!stream) open();
  });
  window.addEventListener("pagehide", () => stream?.close());
  open();
})();
