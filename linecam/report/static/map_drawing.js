// The drawing of the map of frames, for the report and the labelling page. Bokeh draws it, finds the frame under the pointer
// and has the lasso; this script hands it the frames, and filters and colours them. It works on the elements whose id begins
// with map-: a plot, and controls with a fieldset for each way to colour.
"use strict";
(() => {
  const MARKER = ["square", "diamond", "circle", "triangle"];
  // Nearly those of Okabe and Ito (2008), which people who see few colours tell apart, for light and dark paper.
  const COLOURS = ["#d55e00", "#2a8ac4", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6bb1", "#7a7a7a"];
  const GREY = "#8a94a0";
  const $ = (id) => document.getElementById(id);

  function element(name, properties = {}, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }

  /**
   * Draw the map. Of each frame: its place `x` and `y` (0 to 1, down), `part` (a number, whose mark it gets), `marked` (whether
   * it has an edge), `small` (whether it is small). `ways` are the ways to colour, by the name of their fieldset: {words, of},
   * what the values are called and the value of each frame; `plain` are words that stay grey. `pictured(n, size)` makes the
   * element that shows a frame, `told(n)` the lines below it. `selected(indices)` is called at every change of the selection.
   * `room` is how high the plot may be, in pixels.
   */
  function drawFrameMap(Bokeh, { x, y, part, marked, small, ways, plain, pictured, told, selected, room = 0.75 * window.innerHeight }) {
    const count = x.length;
    const every = [...Array(count).keys()];
    const colour = (word, number) => (plain.includes(word) ? GREY : COLOURS[number % COLOURS.length]);

    const source = new Bokeh.ColumnDataSource({
      data: {
        x,
        y: y.map((down) => -down),
        marker: part.map((number) => MARKER[number]),
        size: every.map((n) => (marked[n] ? 11 : small[n] ? 6 : 8)),
        edge: marked.map((one) => (one ? 2 : 0)),
        colour: every.map(() => GREY),
      },
    });
    const filter = new (Bokeh.Models.get("BooleanFilter"))({ booleans: every.map(() => true) });
    const view = new Bokeh.CDSView({ filter });

    const tooltip = (_, { index }) => {
      const made = element("div", {}, pictured(index, 96));
      // In place of a class: Bokeh's tooltips do not see the styles of the page.
      made.style.cssText = "font:13px/1.35 system-ui,sans-serif;max-width:220px;overflow-wrap:anywhere";
      for (const line of told(index)) made.append(element("div", { textContent: line }));
      return made;
    };

    const hover = new Bokeh.HoverTool({ tooltips: tooltip, show_arrow: false });
    // Of frames on top of each other, one.
    hover.limit = 1;
    const lasso = new Bokeh.LassoSelectTool({ continuous: false });
    const wheel = new Bokeh.WheelZoomTool();
    const box = new Bokeh.BoxSelectTool();
    const tools = [lasso, box, new Bokeh.TapTool(), new Bokeh.PanTool(), wheel, new Bokeh.ResetTool(), hover];
    // As high as the map is beside its width: the same step goes as far down as to the right.
    const reach = (values) => Math.max(...values) - Math.min(...values) + 0.06;
    const slope = count ? reach(y) / reach(x) : 1;
    const plot = Bokeh.Plotting.figure({
      tools,
      sizing_mode: "stretch_width",
      height: Math.round(Math.min(560, room, Math.max(260, slope * $("map-plot").clientWidth))),
      x_range: [-0.03, 1.03],
      match_aspect: true,
      min_border: 4,
      outline_line_color: null,
    });
    plot.toolbar.logo = null;
    plot.toolbar_location = "above";
    // Under a finger the page scrolls, until one of the tools is taken up.
    plot.toolbar.active_drag = window.matchMedia("(pointer: coarse)").matches ? null : lasso;
    // A finger that draws scrolls nothing. Chromium takes it for a fling all the same where it leaves in motion, and the next
    // tap, on a button of the page, would only end the fling. Of touches that are taken it makes none.
    const draws = ({ touches }) => touches.length === 1 && plot.toolbar.gestures.pan.active;
    $("map-plot").addEventListener("touchmove", (event) => draws(event) && event.preventDefault(), { passive: false });
    for (const line of [...plot.xaxis, ...plot.yaxis, ...plot.xgrid, ...plot.ygrid]) line.visible = false;
    const dots = plot.scatter(
      { field: "x" },
      { field: "y" },
      {
        source,
        view,
        marker: { field: "marker" },
        size: { field: "size" },
        fill_color: { field: "colour" },
        fill_alpha: 0.75,
        line_color: "#000000",
        line_width: { field: "edge" },
        nonselection_fill_alpha: 0.12,
        nonselection_line_alpha: 0.2,
      },
    );

    const dark = window.matchMedia("(prefers-color-scheme: dark)");
    const paint = () => {
      const style = getComputedStyle(document.documentElement);
      const [card, ink] = ["--card", "--ink"].map((name) => style.getPropertyValue(name).trim());
      plot.background_fill_color = plot.border_fill_color = card;
      for (const glyph of [dots.glyph, dots.selection_glyph, dots.nonselection_glyph]) {
        if (glyph && glyph !== "auto") glyph.line_color = ink;
      }
    };
    dark.addEventListener("change", paint);

    // The legend: a box a value, by which frames are shown and hidden.
    const boxes = {};
    for (const [name, way] of Object.entries(ways)) {
      const field = $(`map-${name}`);
      boxes[name] = way.words.map((word, number) => {
        const frameCount = way.of.filter((value) => value === number).length;
        const box = element("input", { type: "checkbox", checked: true });
        box.addEventListener("change", sift);
        const swatch = element("i", { className: "swatch" });
        swatch.style.background = colour(word, number);
        const label = element("label", {}, box, swatch, ` ${word} `, element("small", { textContent: frameCount }));
        label.hidden = frameCount === 0;
        field.append(label);
        return box;
      });
    }
    function sift() {
      const shown = every.map((n) => Object.entries(ways).every(([name, way]) => boxes[name][way.of[n]].checked));
      filter.booleans = shown;
      // What is hidden is not selected either.
      select(source.selected.indices.filter((n) => shown[n]));
      $("map-shown").textContent = `${shown.filter(Boolean).length} of ${count} shown`;
    }
    function colourBy(name) {
      const way = ways[name];
      source.data = { ...source.data, colour: way.of.map((number) => colour(way.words[number], number)) };
      for (const field of $("map-controls").querySelectorAll("fieldset")) {
        field.classList.toggle("coloured", field.id === `map-${name}`);
      }
    }
    for (const radio of $("map-controls").querySelectorAll("input[name=map-colour]")) {
      radio.addEventListener("change", () => colourBy(radio.value));
    }

    function select(indices) {
      source.selected.indices = indices;
    }
    source.selected.properties.indices.change.connect(() => selected([...source.selected.indices].sort((a, b) => a - b)));
    $("map-all").addEventListener("click", () => select(every.filter((n) => filter.booleans[n])));
    $("map-none").addEventListener("click", () => select([]));

    colourBy("class");
    paint();
    sift();
    selected([]);
    Bokeh.Plotting.show(plot, "#map-plot");
  }

  window.drawFrameMap = drawFrameMap;
})();
