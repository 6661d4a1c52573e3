// Replaces a server-drawn curve by an uPlot chart that can be read by pointer and grows with live values.
"use strict";
(() => {
  const root = document.documentElement;
  const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();
  const zoned = (zone) => (seconds) => uPlot.tzDate(new Date(seconds * 1e3), zone);
  const number = (value) => value == null ? "–" : value.toLocaleString("en", { maximumFractionDigits: Math.abs(value) < 10 ? 2 : 1 });

  const draw = (figure) => {
    const block = figure.querySelector("script[type='application/json']");
    const plot = figure.querySelector(".plot");
    if (!block || !plot) return;
    const data = JSON.parse(block.textContent);
    const axis = () => ({ stroke: colour("muted"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false }, font: `12px ${getComputedStyle(document.body).fontFamily}` });
    const series = data.lines.map((line) => ({
      label: data.unit ? `${line.label} (${data.unit})` : line.label, stroke: colour(line.css), width: line.css === "s7" ? 1.4 : 2, dash: line.css === "s7" ? [4, 4] : undefined,
      fill: line.area ? `${colour(line.css)}22` : undefined, points: { show: false }, spanGaps: false, value: (_, value) => number(value),
    }));
    const height = () => Math.max(200, Math.min(290, plot.clientWidth * 0.42));
    const chart = new uPlot({
      width: plot.clientWidth, height: height(), tzDate: zoned(data.zone), cursor: { y: false, drag: { x: true, y: false } },
      scales: { x: data.range ? { range: (_, low, high) => chartZoomed(low, high) ? [low, high] : data.range } : {}, y: { range: (_, low, high) => uPlot.rangeNum(Math.min(0, low ?? 0), high ?? 1, { min: { pad: 0, soft: 0, mode: 1 }, max: { pad: 0.08 } }) } },
      axes: [{ ...axis(), values: (_, splits, __, ___, step) => splits.map((at) => label(at, step)) }, { ...axis(), size: 56, values: (_, splits) => splits.map((v) => v.toLocaleString("en")) }],
      series: [{ label: data.x, value: (_, at) => at == null ? "–" : stamp(at) }, ...series],
    }, [data.t, ...data.lines.map((line) => line.y)], plot);
    function chartZoomed(low, high) { return high - low < (data.range[1] - data.range[0]) * 0.5 && high - low < (data.t[data.t.length - 1] - data.t[0]) * 0.9; }
    function label(at, step) { return step >= 86400 ? day(at) : time(at); }
    function time(at) { return new Intl.DateTimeFormat("en-GB", { timeZone: data.zone, hour: "2-digit", minute: "2-digit" }).format(at * 1e3); }
    function day(at) { return new Intl.DateTimeFormat(root.lang === "en" ? "en-GB" : root.lang, { timeZone: data.zone, day: "numeric", month: "short" }).format(at * 1e3); }
    function stamp(at) { return `${day(at)} ${time(at)}`; }
    figure.classList.add("drawn");
    new ResizeObserver(() => chart.setSize({ width: plot.clientWidth, height: height() })).observe(plot);
    if (data.live) document.addEventListener("beacon:point", ({ detail }) => {
      const times = data.t;
      let at = times.findIndex((t) => t >= detail.t);
      if (at < 0) at = times.length;
      if (times[at] !== detail.t) {
        times.splice(at, 0, detail.t);
        data.lines.forEach((line, n) => line.y.splice(at, 0, n ? between(line.y, at, times) : null));
      }
      const first = data.lines[0].y;
      first[at] = detail.y;
      // The quarter hour that still runs has no mean yet: a straight line bridges it, and nothing longer than an hour.
      let known = at - 1;
      while (known >= 0 && first[known] == null) known--;
      if (known >= 0 && times[at] - times[known] <= 3600) {
        for (let n = known + 1; n < at; n++) first[n] = first[known] + (detail.y - first[known]) * (times[n] - times[known]) / (times[at] - times[known]);
      }
      chart.setData([times, ...data.lines.map((line) => line.y)], false);
      chart.redraw();
    });
    function between(values, at, times) {
      const before = values[at - 1], after = values[at];
      if (before == null || after == null) return null;
      return before + (after - before) * (times[at] - times[at - 1]) / (times[at + 1] - times[at - 1]);
    }
  };
  document.querySelectorAll("figure[data-chart]").forEach(draw);
})();
