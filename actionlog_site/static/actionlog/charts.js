// Draws the charts of a page with Plotly, in the colours of the page. What is drawn is made by analytics/charts.
// Without this script, or without Plotly, the table below each chart says the same.

const dark = matchMedia("(prefers-color-scheme: dark)");
const CONFIG = { displayModeBar: false, showTips: false };
// Not only the window makes a chart narrower: so does a scroll bar that comes with what is loaded later.
const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) if (target.dataset.drawn && target.clientWidth) window.Plotly.Plots.resize(target);
});

/** Every "--name" or "--name/40" in a figure becomes that colour of the page, the second one with 40 % of opacity. */
function inColours(value, style) {
  if (Array.isArray(value)) return value.map((each) => inColours(each, style));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, inColours(each, style)]));
  }
  const token = typeof value === "string" && /^(--[a-z-]+)(?:\/(\d+))?$/.exec(value);
  if (!token) return value;
  const [red, green, blue] = style.getPropertyValue(token[1]).trim().match(/[0-9a-f]{2}/gi).map((two) => parseInt(two, 16));
  return `rgba(${red}, ${green}, ${blue}, ${(token[2] ?? 100) / 100})`;
}

const AXIS = {
  automargin: true,
  fixedrange: true,
  gridcolor: "--line",
  linecolor: "--line-strong",
  tickcolor: "--line-strong",
  zerolinecolor: "--line-strong",
  tickfont: { color: "--muted" },
  title: { font: { color: "--muted" } },
};

/** The layout told, on the ground that all charts have. */
function laidOut(layout, style) {
  const { xaxis = {}, yaxis = {}, ...rest } = layout;
  const axis = (own) => ({ ...AXIS, ...own, title: { ...AXIS.title, ...own.title } });
  return {
    autosize: true,
    // Touching a chart scrolls the page, as touching a picture does.
    dragmode: false,
    hovermode: "x unified",
    hoverlabel: { bgcolor: "--surface", bordercolor: "--line-strong", font: { color: "--ink" } },
    font: { family: style.fontFamily, size: 12, color: "--ink" },
    paper_bgcolor: "rgba(0, 0, 0, 0)",
    plot_bgcolor: "rgba(0, 0, 0, 0)",
    margin: { l: 8, r: 12, t: 8, b: 8 },
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { color: "--muted" } },
    ...rest,
    xaxis: axis(xaxis),
    yaxis: axis(yaxis),
  };
}

function draw(place) {
  const style = getComputedStyle(document.body);
  const { traces, layout } = JSON.parse(place.dataset.chart);
  const figure = inColours({ traces, layout: laidOut(layout, style) }, style);
  return window.Plotly.react(place, figure.traces, figure.layout, CONFIG);
}

async function drawAll() {
  const scheme = dark.matches ? "dark" : "light";
  for (const place of document.querySelectorAll(`[data-chart]:not([data-drawn="${scheme}"])`)) {
    try {
      await draw(place);
      place.dataset.drawn = scheme;
      sizes.observe(place);
    } catch (fault) {
      place.hidden = true;
      const numbers = place.closest("figure").querySelector("details");
      if (numbers) numbers.open = true;
      console.error(fault);
    }
  }
}

drawAll();
dark.addEventListener("change", drawAll);
// Parts of the page that come later bring charts of their own.
document.addEventListener("htmx:afterSwap", drawAll);
