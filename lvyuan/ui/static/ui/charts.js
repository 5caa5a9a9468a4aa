// Draws every <figure data-chart="id"> from the JSON script with that id ({title, unit, data, layout}) once it comes
// into view. Colours and type come from the stylesheet's tokens, so light, dark and print are the stylesheet's business.
"use strict";

(() => {
  const figures = [...document.querySelectorAll("[data-chart]")];
  if (!figures.length || !window.Plotly) return;
  const drawn = new Map(); // figure → {plot, spec}

  Plotly.register({
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
  });

  const config = {
    displaylogo: false,
    displayModeBar: matchMedia("(hover: hover)").matches ? "hover" : false,
    locale: "zh-Hans",
    modeBarButtons: [["toImage"]],
    responsive: true,
  };

  function tokens() {
    const style = getComputedStyle(document.documentElement);
    return (name) => style.getPropertyValue(`--${name}`).trim();
  }

  // [data, layout] for a chart of this width: labels stay level, so there are only as many as fit.
  function themed(spec, width) {
    const token = tokens();
    const series = [1, 2, 3, 4].map((n) => token(`series-${n}`));
    const symbols = ["circle", "square", "diamond", "triangle-up"];
    const points = Math.max(...spec.data.map((trace) => trace.x.length));
    const few = points <= 6; // then every point can carry its figure
    const data = spec.data.map((trace, n) => {
      const colour = series[n % series.length];
      return trace.type === "bar"
        ? {
            ...trace,
            ...(few ? { width: 0.4, text: trace.customdata, textposition: "outside", cliponaxis: false } : {}),
            marker: { color: colour },
          }
        : {
            ...trace,
            ...(few ? { mode: "lines+markers+text", text: trace.customdata, textposition: "top center" } : {}),
            line: { color: colour, width: 2 },
            marker: { color: colour, size: 7, symbol: symbols[n % symbols.length] },
            cliponaxis: false,
          };
    });
    const axis = {
      automargin: true,
      fixedrange: true,
      gridcolor: token("line"),
      linecolor: token("rule"),
      tickcolor: token("line-2"),
      zerolinecolor: token("line-2"),
    };
    const layout = {
      autosize: true,
      dragmode: false,
      font: { family: token("font"), size: 12, color: token("ink-2") },
      hoverlabel: { bgcolor: token("surface"), bordercolor: token("line-2"), font: { color: token("ink") } },
      hovermode: "closest",
      legend: { orientation: "h", y: 1.15 },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: token("line-2"), activecolor: token("accent") },
      margin: { t: 12, r: 24, b: 32, l: 40 },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      ...spec.layout,
      xaxis: { ...axis, showgrid: false, ticks: "outside", tickangle: 0, nticks: Math.max(2, Math.floor(width / 100)), range: [-0.5, points - 0.5], ...spec.layout.xaxis },
      yaxis: { ...axis, nticks: 6, ...spec.layout.yaxis },
    };
    return [data, layout];
  }

  function draw(figure) {
    const spec = JSON.parse(document.getElementById(figure.dataset.chart).textContent);
    const plot = document.createElement("div");
    plot.className = "plot";
    plot.setAttribute("role", "group");
    plot.setAttribute("aria-label", `${spec.title}，数据见页面上的表格`);
    figure.prepend(plot);
    drawn.set(figure, { plot, spec });
    Plotly.newPlot(plot, ...themed(spec, plot.clientWidth), config).then(() => {
      plot.on("plotly_afterplot", () => scalable(plot));
      scalable(plot);
    });
  }

  // The stylesheet fits drawings to the width of paper; for that they need to know their own size.
  function scalable(plot) {
    for (const svg of plot.querySelectorAll(".main-svg")) {
      svg.setAttribute("viewBox", `0 0 ${svg.getAttribute("width")} ${svg.getAttribute("height")}`);
    }
  }

  function redraw() {
    for (const { plot, spec } of drawn.values()) Plotly.react(plot, ...themed(spec, plot.clientWidth), config);
  }

  const observer = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      observer.unobserve(target);
      if (!drawn.has(target)) draw(target);
    }
  }, { rootMargin: "200px" });
  for (const figure of figures) observer.observe(figure);

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  // Paper has its own colours, and shows what nobody has scrolled to.
  matchMedia("print").addEventListener("change", () => {
    for (const figure of figures) if (!drawn.has(figure)) draw(figure);
    redraw();
  });
})();
