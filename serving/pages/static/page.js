// What the page does beyond htmx: keeps opened details over a refresh, draws charts, takes dropped files, says what happened.
"use strict";
(() => {
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const clock = (ms) => new Date(ms + 8 * 3600e3).toISOString(); // Asia/Shanghai has a fixed offset
  const hour = (ms) => `${clock(ms).slice(5, 10)} ${clock(ms).slice(11, 13)} 时`;
  let picked = "";

  function draw(place) {
    if (!window.echarts) return;
    const source = document.getElementById(place.dataset.source);
    if (!source) return;
    const data = JSON.parse(source.textContent);
    const chart = echarts.getInstanceByDom(place) || echarts.init(place, null, { renderer: "canvas" });
    const soft = style("--soft"), line = style("--line"), accent = style("--accent"), bar = style("--bar");
    const chosen = data.parts && data.parts[picked];
    const series = [{ name: data.name, type: "bar", data: data.counts, itemStyle: { color: chosen ? bar : accent }, barCategoryGap: "20%", barMaxWidth: 18 }];
    if (chosen) series.push({ name: picked, type: "bar", data: chosen, itemStyle: { color: accent }, barGap: "-100%", barMaxWidth: 18 });
    if (data.expected) series.push({ name: "平时", type: "line", data: data.expected, symbol: "none", step: "middle", lineStyle: { color: style("--warning"), width: 1.5, type: "dashed" }, itemStyle: { color: style("--warning") } });
    chart.setOption({
      animation: false, textStyle: { fontFamily: style("--font") }, series,
      grid: { left: 4, right: 8, top: 14, bottom: 2, containLabel: true },
      tooltip: { trigger: "axis", confine: true, backgroundColor: style("--card"), borderColor: line, textStyle: { color: style("--ink"), fontSize: 13 }, valueFormatter: (v) => (v == null ? "" : Math.round(v * 100) / 100) },
      xAxis: { type: "category", data: data.hours.map(hour), axisLine: { lineStyle: { color: line } }, axisTick: { show: false }, axisLabel: { color: soft, hideOverlap: true, showMinLabel: false, formatter: (v) => (data.hours.length > 72 ? v.slice(0, 5) : v) , interval: data.hours.length > 72 ? (i) => clock(data.hours[i]).slice(11, 13) === "00" : "auto" } },
      yAxis: { type: "value", minInterval: 1, splitNumber: 3, axisLabel: { color: soft }, splitLine: { lineStyle: { color: line } } },
    }, { notMerge: true });
    place.setAttribute("role", "img");
  }
  function drawAll(root) {
    for (const button of root.querySelectorAll("[data-pick]")) button.setAttribute("aria-pressed", String(button.dataset.pick === picked));
    for (const place of root.querySelectorAll(".chart")) draw(place);
  }

  let timer = 0;
  function say(words, bad) {
    const box = document.getElementById("said");
    box.textContent = words;
    box.className = bad ? "said on bad" : "said on";
    clearTimeout(timer);
    timer = setTimeout(() => { box.className = "said"; }, bad ? 8000 : 3000);
  }

  // A refresh must not take away what is being typed or chosen.
  function busy(field) {
    if (field === document.activeElement) return true;
    if (field.options) return [...field.options].some((o) => o.selected !== o.defaultSelected) && [...field.options].some((o) => o.defaultSelected);
    return field.type !== "hidden" && field.value !== field.defaultValue;
  }

  // Old numbers that look live are worse than none.
  let fresh = new Date();
  function connected(ok) {
    const bar = document.getElementById("stale");
    if (ok) fresh = new Date();
    bar.textContent = ok ? "" : `连不上服务器，页面停在 ${clock(fresh.getTime()).slice(11, 16)}，恢复后会自动刷新`;
    bar.classList.toggle("hidden", ok);
  }
  document.addEventListener("htmx:afterRequest", (event) => {
    const status = event.detail.xhr.status;
    connected(status > 0 && status < 500);
  });

  let opened = [], held = null;
  document.addEventListener("htmx:beforeRequest", (event) => {
    const from = event.detail.elt;
    if (!from.hasAttribute("data-quiet") || event.detail.requestConfig.triggeringEvent) return;
    const marked = document.getSelection();
    const reading = String(marked) !== "" && from.contains(marked.anchorNode);
    if (document.hidden || reading || [...from.querySelectorAll("input, textarea, select")].some(busy)) event.preventDefault();
  });
  document.addEventListener("htmx:beforeSwap", () => {
    opened = [...document.querySelectorAll("details[open][id]")].map((d) => d.id);
    held = document.activeElement && document.activeElement.id;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    for (const id of opened) { const d = document.getElementById(id); if (d) d.open = true; }
    const again = held && document.getElementById(held);
    if (again && document.activeElement !== again) again.focus({ preventScroll: true });
    if (event.detail.target.id === "result" && !event.detail.elt.hasAttribute("data-quiet")) event.detail.target.scrollIntoView({ block: "nearest" });
  });
  document.addEventListener("htmx:load", () => drawAll(document));
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.elt.hasAttribute("data-quiet")) return;
    let words = event.detail.xhr.responseText;
    try { words = JSON.parse(words).detail; } catch { /* plain words */ }
    say(typeof words === "string" && words && words.length < 300 ? words : "没有成功，请稍后再试", true);
  });
  document.addEventListener("htmx:sendError", (event) => { if (!event.detail.elt.hasAttribute("data-quiet")) say("连不上服务器，请检查后再试", true); });
  document.addEventListener("kesu-said", (event) => say(event.detail.value));

  document.addEventListener("click", (event) => {
    const pick = event.target.closest("[data-pick]");
    if (pick) { picked = picked === pick.dataset.pick ? "" : pick.dataset.pick; drawAll(document); }
    const fill = event.target.closest("[data-fill]");
    if (fill) { const box = document.getElementById(fill.dataset.into); box.value = fill.dataset.fill; box.form.requestSubmit(); }
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-send]")) event.target.form.requestSubmit();
    if (event.target.matches("#who")) document.cookie = `kesu_who=${encodeURIComponent(event.target.value.trim())}; path=/; max-age=31536000; samesite=strict`;
  });
  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      const zone = event.target.closest && event.target.closest(".drop");
      if (!zone) return;
      event.preventDefault();
      zone.classList.toggle("over", kind === "dragover");
      if (kind === "drop" && event.dataTransfer.files.length) {
        const input = zone.querySelector("input[type=file]");
        input.files = event.dataTransfer.files;
        input.form.requestSubmit();
      }
    });
  }
  document.addEventListener("DOMContentLoaded", () => {
    if (innerWidth <= 640) for (const box of document.querySelectorAll("details[data-wide]")) box.open = false;
    drawAll(document);
  });
  addEventListener("resize", () => { for (const place of document.querySelectorAll(".chart")) { const c = window.echarts && echarts.getInstanceByDom(place); if (c) c.resize(); } });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll(document));
})();
