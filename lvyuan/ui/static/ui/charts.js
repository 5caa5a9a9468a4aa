// Draws every <figure data-chart="id"> from the JSON script with that id, or else from what its data-chart-src answers
// (lvyuan/ui/charts.py says what is in it), once it comes onto the screen. The first that comes near fetches plotly, the
// first that is seen runs it. Colours and type come from the stylesheet's tokens, so light, dark and print are the
// stylesheet's business. <html data-charts> is "loading" while a chart that is due is not drawn, then "drawn", or "failed"
// when plotly or the figures did not arrive.
"use strict";

(() => {
  const { plotly, plotlyCss } = document.currentScript.dataset;
  const paper = matchMedia("print");
  const charts = new Map(); // figure → {state: new → waiting → due → drawing → drawn, plot, spec}

  // ---------------------------------------------------------------- theme
  const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "circle-open", "square-open", "diamond-open", "triangle-up-open"];
  const DASHES = ["solid", "dash", "dot", "dashdot"];
  const PATTERNS = ["", "/", ".", "x"];
  const ROLES = {
    actual: { series: 1, dash: "solid", symbol: "circle", width: 2.5, pattern: "" },
    own: { series: 1, dash: "solid", symbol: "circle", width: 3, pattern: "" },
    last_year: { series: 2, dash: "dot", symbol: "square-open", width: 2, pattern: "/" },
    schedule: { series: 3, dash: "dash", width: 2, pattern: "." },
    old_target: { token: "line-2", dash: "dot", width: 1.5, pattern: "x" },
  };
  const PEERS = ["square-open", "diamond-open", "triangle-up-open", "triangle-down-open", "cross-thin-open"];

  function tokens() {
    const style = getComputedStyle(document.documentElement);
    return (name) => style.getPropertyValue(`--${name}`).trim();
  }

  // {colour, dash, symbol, width, pattern} of the n-th trace; a role decides, else the place. Colour and dash together
  // come again after sixteen.
  function styleOf(trace, n, token) {
    const role = trace.meta?.role;
    if (role === "peer") {
      return { colour: token("ink-2"), dash: DASHES[n % DASHES.length], symbol: PEERS[n % PEERS.length], width: 1, pattern: "/" };
    }
    const style = ROLES[role] ?? {
      series: (n % 4) + 1, dash: DASHES[(n + Math.floor(n / 4)) % 4], symbol: SYMBOLS[n % 8], width: 2, pattern: PATTERNS[n % 4],
    };
    return { ...style, colour: token(style.token ?? `series-${style.series}`) };
  }

  // Published digits → the number on the axis; the power of ten never rounds twice.
  const number = (digits, meta) => (digits === null ? null : Number(`${digits}e${meta?.power ?? 0}`));
  const printed = (digits, trace, spec) => (digits === null ? "" : digits + (trace.meta?.unit ?? spec.unit));

  function bars(style) {
    return {
      color: style.colour,
      line: { color: style.colour, width: 1 },
      pattern: { shape: style.pattern, fillmode: "replace", size: 6, solidity: 0.35 },
    };
  }

  // A line ends where a new definition begins.
  function broken(x, y, text, places) {
    for (const place of [...places].sort((a, b) => b - a)) {
      if (place < 1) continue;
      const label = x[place];
      x.splice(place, 0, label);
      y.splice(place, 0, null);
      text.splice(place, 0, "");
    }
    return { x, y, customdata: text };
  }

  // Lines of text above the axis, none over another: the unit first, then the marks from left to right.
  function marksAbove(spec, points, width, token) {
    const annotations = [];
    const shapes = [];
    const left = 40;
    const ends = [spec.unit ? 13 * spec.unit.length - left : -left];
    const above = { showarrow: false, yref: "paper", y: 1, yanchor: "bottom", font: { size: 12, color: token("ink-2") } };
    for (const { at, text, kind } of [...(spec.marks ?? [])].sort((a, b) => a.at - b.at)) {
      const x = kind === "break" ? at - 0.5 : at;
      const pixel = ((x + 0.5) / points) * (width - left - 24);
      const long = 13 * text.length + 12;
      const start = Math.min(Math.max(pixel - long / 2, 0), width - left - 24 - long);
      let row = ends.findIndex((end) => end < start);
      if (row < 0) row = ends.push(0) - 1;
      ends[row] = start + long;
      const shift = pixel - (start + long / 2); // what the edge pushed it by
      annotations.push({ ...above, xref: "x", x, xshift: -shift, yshift: row * 18 + 2, text: (kind === "break" ? "┆ " : "▾ ") + text });
      shapes.push({
        type: "line", xref: "x", x0: x, x1: x, yref: "paper", y0: 0, y1: 1,
        line: kind === "break" ? { color: token("ink-2"), width: 2, dash: "dash" } : { color: token("line-2"), width: 1, dash: "dot" },
      });
    }
    if (spec.unit) {
      annotations.push({ ...above, xref: "paper", x: 0, xanchor: "left", xshift: -left + 6, yshift: 2, text: spec.unit });
    }
    return { annotations, shapes, top: 8 + 18 * ends.length };
  }

  function seriesPlot(spec, box, token) {
    const points = spec.x.length;
    const several = spec.data.length > 1;
    const few = points <= 6 && !several; // then every point can carry its figure
    const breaks = (spec.marks ?? []).filter((mark) => mark.kind === "break").map((mark) => spec.x[mark.at]);
    const data = spec.data.map((trace, n) => {
      const style = styleOf(trace, n, token);
      const x = [...(trace.x ?? spec.x)];
      const y = trace.y.map((digits) => number(digits, trace.meta));
      const text = trace.y.map((digits) => printed(digits, trace, spec));
      const hovertemplate = several ? "%{fullData.name}：%{customdata}<extra></extra>" : "%{x}<br>%{customdata}<extra></extra>";
      if (trace.type === "bar") {
        return {
          ...trace, x, y, customdata: text, hovertemplate,
          ...(few ? { width: 0.4, text, textposition: "outside", cliponaxis: false } : {}),
          marker: bars(style),
        };
      }
      const line = broken(x, y, text, trace.meta?.breaks ?? breaks.map((label) => x.indexOf(label)));
      return {
        ...trace, ...line, hovertemplate,
        mode: `lines${style.symbol ? "+markers" : ""}${few ? "+text" : ""}`,
        ...(few ? { text: line.customdata, textposition: "top center" } : {}),
        line: { color: style.colour, width: style.width, dash: style.dash },
        marker: { color: style.colour, size: points > 36 ? 5 : 7, symbol: style.symbol ?? "circle" },
        connectgaps: false,
        cliponaxis: false,
      };
    });
    const { top, ...above } = marksAbove(spec, points, box.width, token);
    return [data, {
      ...above,
      hovermode: several ? "x unified" : "closest",
      showlegend: several,
      ...(several ? { legend: { orientation: "h", x: 0, y: -34 / Math.max(80, box.height - top - 64), yanchor: "top" } } : {}),
      margin: { t: top + (few ? 12 : 0), r: 24, b: several ? 56 : 32, l: 40 },
      xaxis: {
        type: "category", categoryorder: "array", categoryarray: spec.x, range: [-0.5, points - 0.5],
        showgrid: false, ticks: "outside", tickangle: 0, nticks: Math.max(2, Math.floor(box.width / 100)),
      },
      // With zero in sight a small change looks small.
      yaxis: { rangemode: "tozero", nticks: 6 },
    }];
  }

  function comparisonPlot(spec, box, token) {
    const [trace] = spec.data;
    const text = trace.x.map((digits) => printed(digits, trace, spec));
    const x = trace.x.map((digits) => number(digits, trace.meta));
    const isOwn = trace.y.map((_, n) => n === spec.own);
    const colours = isOwn.map((own) => token(own ? "series-1" : "ink-2"));
    const room = 7.5 * Math.max(...text.map((one) => one.length)) + 16;
    const [low, high] = [Math.min(0, ...x), Math.max(0, ...x)];
    const names = 13 * Math.max(...trace.y.map((name) => name.length), trace.y[spec.own]?.length + spec.own_label.length + 3 || 0);
    const pad = ((high - low || 1) * room) / Math.max(80, box.width - names - room * (low < 0 ? 2 : 1));
    return [
      [{
        ...trace, x, text, customdata: text,
        textposition: "outside", cliponaxis: false, constraintext: "none",
        hovertemplate: "%{y}<br>%{customdata}<extra></extra>",
        marker: {
          color: colours,
          line: { color: colours, width: 1 },
          pattern: { shape: isOwn.map((own) => (own ? "" : "/")), fillmode: "replace", size: 6, solidity: 0.25 },
        },
      }],
      {
        annotations: trace.y.flatMap((name, n) => (x[n] === null
          ? [{ x: 0, y: name, xanchor: "left", xshift: 4, showarrow: false, text: words("无数据"), font: { color: token("ink-2") } }]
          : [])),
        bargap: 0.35,
        showlegend: false,
        margin: { t: 8, r: 8, b: 8, l: 40 },
        xaxis: { range: [low && low - pad, high + pad], showgrid: false, showline: false, ticks: "", showticklabels: false, zeroline: true, zerolinecolor: token("rule") },
        yaxis: {
          type: "category", autorange: "reversed", showgrid: false, showline: false, ticks: "", tickmode: "array", tickvals: trace.y,
          ticktext: trace.y.map((name, n) => (isOwn[n] ? `▸ ${name}（${spec.own_label}）` : name)), ticklabelstandoff: 4,
        },
      },
    ];
  }

  function heatmapPlot(spec, box, token) {
    const [trace] = spec.data;
    const turned = box.width < 560; // twelve cells with figures need the width; a phone has the height
    const cells = trace.y.map((_, row) => trace.x.map((_, column) => {
      const digits = trace.z[row][column]; // undefined: not due yet
      const z = digits === undefined ? null : number(digits, trace.meta);
      const text = z === null ? "" : trace.meta?.power ? String(Number(z.toPrecision(4))) : digits;
      return { z, text, said: z === null ? "" : printed(digits, trace, spec), missing: digits === null };
    }));
    const [xs, ys] = turned ? [trace.y, trace.x] : [trace.x, trace.y];
    const at = (pick) => ys.map((_, y) => xs.map((_, x) => pick(turned ? cells[x][y] : cells[y][x])));
    const missing = ys.flatMap((name, y) => xs.flatMap((label, x) => ((turned ? cells[x][y] : cells[y][x]).missing ? [[label, name]] : [])));
    const scale = "zmid" in trace ? ["heat-low", "heat-mid", "heat-high"] : ["heat-mid", "heat-high"];
    const axis = { type: "category", categoryorder: "array", showgrid: false, showline: false, zeroline: false, ticks: "", tickangle: 0 };
    return [
      [
        {
          ...trace, x: xs, y: ys,
          z: at((cell) => cell.z), text: at((cell) => cell.text), customdata: at((cell) => cell.said),
          texttemplate: "%{text}", textfont: { color: token("ink") }, hovertemplate: "%{y} · %{x}<br>%{customdata}<extra></extra>", hoverongaps: false,
          colorscale: scale.map((name, n) => [n / (scale.length - 1), token(name)]),
          showscale: false, xgap: 2, ygap: 2,
        },
        {
          type: "scatter", mode: "markers", x: missing.map(([x]) => x), y: missing.map(([, y]) => y),
          marker: { symbol: "x-thin", size: 9, line: { color: token("line-2"), width: 1.5 } },
          hovertemplate: `%{y} · %{x}<br>${words("无数据")}<extra></extra>`, showlegend: false,
        },
      ],
      {
        showlegend: false,
        margin: { t: 8, r: 8, b: 28, l: 40 },
        xaxis: { ...axis, categoryarray: xs, range: [-0.5, xs.length - 0.5] },
        yaxis: { ...axis, categoryarray: ys, range: [ys.length - 0.5, -0.5] },
      },
    ];
  }

  function bulletPlot(spec, box, token) {
    const [trace] = spec.data;
    const { gauge } = trace;
    return [
      [{
        ...trace,
        number: { ...trace.number, font: { size: box.width < 480 ? 12 : 16, color: token("ink") } },
        gauge: {
          ...gauge,
          axis: { ...gauge.axis, nticks: 4, tickcolor: token("line-2") },
          bar: { color: token("series-1"), thickness: 0.5 },
          bgcolor: token("sunken"),
          bordercolor: token("line-2"),
          borderwidth: 1,
          steps: (gauge.steps ?? []).map((step) => ({ ...step, color: token("line"), line: { color: token("line-2"), width: 1 } })),
          threshold: { ...gauge.threshold, line: { color: token("ink"), width: 3 }, thickness: 0.9 },
        },
      }],
      { margin: { t: 8, r: 24 + 9 * spec.unit.length, b: 24, l: 24 } },
    ];
  }

  const PLOTS = { series: seriesPlot, comparison: comparisonPlot, heatmap: heatmapPlot, bullet: bulletPlot };

  // [data, layout] in today's colours for the room there is; labels stay level, so there are only as many as fit.
  function themed({ plot, spec }) {
    const token = tokens();
    const box = { width: plot.clientWidth, height: plot.clientHeight };
    const [data, layout] = PLOTS[spec.kind](spec, box, token);
    const axis = {
      automargin: true,
      exponentformat: "none",
      fixedrange: true,
      gridcolor: token("line"),
      linecolor: token("rule"),
      separatethousands: true,
      tickcolor: token("line-2"),
      zerolinecolor: token("line-2"),
    };
    return [data, {
      autosize: true,
      dragmode: false,
      font: { family: token("font"), size: 12, color: token("ink-2") },
      hoverlabel: { bgcolor: token("surface"), bordercolor: token("line-2"), font: { color: token("ink"), family: token("font") } },
      hovermode: "closest",
      modebar: { bgcolor: "rgba(0,0,0,0)", color: token("line-2"), activecolor: token("accent") },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      ...spec.layout,
      ...layout,
      xaxis: { ...axis, ...layout.xaxis },
      yaxis: { ...axis, ...layout.yaxis },
    }];
  }

  // ---------------------------------------------------------------- plotly
  let loading;

  function load() {
    loading ??= new Promise((resolve, reject) => {
      // plotly takes its rules from the link instead of injecting a style element (CSP); the second id is the one under
      // which the wheel's bundle looks for the styles of maps, which no page draws.
      const unused = document.createElement("meta");
      unused.id = "9f215cf04c5486422605d13261cb87401f4e7763b6296af81e98efbc0130da53";
      const rules = document.createElement("link");
      Object.assign(rules, { id: "plotly.js-style-global", className: "no-inline-styles", rel: "stylesheet", href: plotlyCss });
      const styled = new Promise((done) => { rules.onload = rules.onerror = done; });
      const script = document.createElement("script");
      script.src = plotly;
      script.onload = () => styled.then(resolve);
      script.onerror = () => { for (const element of [unused, rules, script]) element.remove(); reject(); };
      document.head.append(unused, rules, script);
    }).then(() => Plotly.register({
      moduleType: "locale",
      name: "zh-Hans",
      dictionary: {
        "Download plot as a PNG": "下载为图片",
        "Download plot": "下载图",
        "Taking snapshot - this may take a few seconds": "正在生成图片",
        "Snapshot succeeded": "图片已生成",
        "Sorry, there was a problem downloading your snapshot!": "图片没有生成成功",
      },
      format: { decimal: ".", thousands: "," },
    }), () => {
      loading = undefined; // the next chart may have more luck
      throw new Error("plotly");
    });
    return loading;
  }

  // The file is under way before it is needed; nothing of it runs yet.
  function expect() {
    if (loading || document.querySelector("link[rel=preload][as=script]")) return;
    document.head.append(Object.assign(document.createElement("link"), { rel: "preload", as: "script", href: plotly }));
  }

  function config(spec) {
    return {
      displaylogo: false,
      displayModeBar: matchMedia("(hover: hover)").matches ? "hover" : false,
      locale: document.documentElement.lang,
      modeBarButtons: [["toImage"]],
      responsive: true,
      toImageButtonOptions: { filename: spec.title, scale: 2 },
    };
  }

  // ---------------------------------------------------------------- figures
  const answers = new Map(); // address → promise of {id: figure, …}

  function fetched(address) {
    if (!answers.has(address)) {
      answers.set(address, fetch(address, { headers: { Accept: "application/json" } })
        .then((response) => {
          // an ended session is answered with the sign-in page
          if (!response.ok || response.redirected) throw new Error(address);
          return response.json();
        })
        .catch((error) => { answers.delete(address); throw error; }));
    }
    return answers.get(address);
  }

  // The figure as {spec}; null where the answer holds none of that id.
  async function specOf(figure) {
    const script = document.getElementById(figure.dataset.chart);
    if (script) return JSON.parse(script.textContent);
    return (await fetched(figure.dataset.chartSrc))[figure.dataset.chart] ?? null;
  }

  // ---------------------------------------------------------------- charts
  function note(figure, text) {
    if (figure.querySelector(":scope > .plot-missing")) return;
    const line = document.createElement("p");
    line.className = "note plot-missing";
    line.textContent = text;
    figure.prepend(line);
  }

  function draw(figure, chart, spec) {
    if (spec === null) {
      note(figure, words("还没有可以画的数据。"));
      chart.state = "drawn";
      return Promise.resolve();
    }
    let plot = figure.querySelector(":scope > .plot");
    if (!plot) {
      plot = document.createElement("div");
      plot.className = `plot plot-${spec.kind}`;
      figure.prepend(plot);
    }
    plot.replaceChildren(); // a page from htmx's history brings the drawing without its life
    plot.setAttribute("role", "group");
    plot.setAttribute("aria-label", figure.dataset.chartSrc
      ? words("{title}，数据见指标页的表格", { title: spec.title })
      : words("{title}，数据见页面上的表格", { title: spec.title }));
    figure.querySelector(":scope > .plot-missing")?.remove();
    Object.assign(chart, { plot, spec, state: "drawing" });
    return Plotly.newPlot(plot, ...themed(chart), config(spec)).then(() => {
      plot.on("plotly_afterplot", () => scalable(plot));
      scalable(plot);
      chart.state = "drawn";
    });
  }

  // The stylesheet fits drawings to the width of paper; for that they need to know their own size.
  function scalable(plot) {
    for (const svg of plot.querySelectorAll(".main-svg")) {
      svg.setAttribute("viewBox", `0 0 ${svg.getAttribute("width")} ${svg.getAttribute("height")}`);
    }
  }

  function redraw() {
    for (const [figure, chart] of charts) {
      if (chart.state === "drawn" && chart.spec && figure.isConnected) Plotly.react(chart.plot, ...themed(chart), config(chart.spec));
    }
  }

  const tell = (state) => { document.documentElement.dataset.charts = state; };

  let drawing = Promise.resolve();

  function drawDue() {
    drawing = drawing.then(drawInTurn);
    return drawing;
  }

  // A chart at a time, so that the page answers in between; paper does not wait.
  async function drawInTurn() {
    const due = () => [...charts].find(([, { state }]) => state === "due");
    if (!due()) return settle();
    tell("loading");
    try {
      const ready = load();
      for (let next = due(); next; next = due()) {
        const [figure, chart] = next;
        chart.state = "drawing";
        const [spec] = await Promise.all([specOf(figure), ready]);
        if (!paper.matches) await new Promise((done) => { setTimeout(done); });
        await draw(figure, chart, spec);
      }
    } catch {
      for (const [figure, chart] of charts) {
        if (chart.state !== "due" && chart.state !== "drawing") continue;
        chart.state = "failed";
        note(figure, words("图没有载入；数据见表，刷新页面可再试。"));
      }
    }
    return settle();
  }

  function settle() {
    for (const [figure, { plot }] of charts) {
      if (figure.isConnected) continue;
      observer.unobserve(figure);
      nearby.unobserve(figure);
      charts.delete(figure);
      if (plot && window.Plotly) Plotly.purge(plot);
    }
    const states = new Set([...charts.values()].map(({ state }) => state));
    const open = ["new", "due", "drawing"].some((state) => states.has(state));
    tell(states.has("failed") ? "failed" : open ? "loading" : "drawn");
  }

  const observer = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      const chart = charts.get(target);
      if (chart?.state !== "new" && chart?.state !== "waiting") continue;
      chart.state = isIntersecting ? "due" : "waiting";
      if (isIntersecting) observer.unobserve(target);
    }
    drawDue();
  });
  const nearby = new IntersectionObserver((entries) => {
    if (entries.some(({ isIntersecting }) => isIntersecting)) expect();
  }, { rootMargin: "200px" });

  function scan(root) {
    for (const figure of root.querySelectorAll("[data-chart]")) take(figure);
    if (root.matches?.("[data-chart]")) take(root);
    settle();
  }

  function take(figure) {
    if (charts.has(figure)) return;
    charts.set(figure, { state: "new" });
    observer.observe(figure);
    nearby.observe(figure);
  }

  // Everything, also what nobody has scrolled to; the button for printing waits for what has a place on paper.
  window.drawCharts = (options) => {
    for (const [figure, chart] of charts) {
      if (!["new", "waiting", "failed"].includes(chart.state)) continue;
      if (options?.paper && figure.closest(".not-on-paper")) continue;
      chart.state = "due";
      observer.unobserve(figure);
    }
    return drawDue();
  };

  scan(document);
  document.addEventListener("htmx:load", ({ detail }) => scan(detail.elt));
  document.addEventListener("htmx:historyRestore", () => scan(document));

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  // Paper has its own colours, and shows what nobody has scrolled to.
  paper.addEventListener("change", () => { window.drawCharts({ paper: true }).then(redraw); redraw(); });
  let width = innerWidth;
  let resized;
  addEventListener("resize", () => {
    if (width === innerWidth) return;
    width = innerWidth;
    clearTimeout(resized);
    resized = setTimeout(redraw, 200);
  });
})();
