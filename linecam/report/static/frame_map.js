// The map of all frames in the report. Bokeh draws it, finds the frame under the pointer and has the lasso; this script
// hands it the frames, filters and colours them, and lists those that are selected.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const section = $("map-tool");
  if (!section || !window.DecompressionStream || !window.IntersectionObserver) return;

  // At most so many thumbnails are shown of a selection; the list of paths has all.
  const SHOWN = 60;
  const PART = ["training", "test", "not labelled"];
  const MARKER = ["square", "diamond", "circle"];
  const PICKED = ["first quarter", "second quarter", "third quarter", "last quarter", "not picked"];
  const VERDICT = ["wrong", "right", "unknown"];
  // Nearly those of Okabe and Ito (2008), which people who see few colours tell apart, for light and dark paper.
  const COLOURS = ["#d55e00", "#2a8ac4", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6bb1", "#7a7a7a"];
  const GREY = "#8a94a0";

  async function unpack(id) {
    const bytes = Uint8Array.from(atob($(id).textContent.trim()), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  }

  function element(name, properties = {}, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }

  async function start() {
    const frames = JSON.parse(await unpack("map-data"));
    for (const library of section.querySelectorAll("script.library")) {
      // The page's policy knows the library by its hash, and runs no other script.
      document.head.append(element("script", { textContent: await unpack(library.id) }));
    }
    window.Bokeh.logger.set_level("warn");
    show(frames, window.Bokeh);
    $("map-waiting").remove();
    $("map-controls").hidden = false;
  }

  function show(frames, Bokeh) {
    const count = frames.path.length;
    const every = [...Array(count).keys()];
    const named = (number) => (number < 0 ? "unknown" : frames.classes[number]);
    const verdict = every.map((n) => (frames.label[n] < 0 || frames.said[n] < 0 ? 2 : frames.label[n] === frames.said[n] ? 1 : 0));
    // Of a frame that nobody has labelled, what the model says.
    const classOf = every.map((n) => (frames.label[n] >= 0 ? frames.label[n] : frames.said[n]));
    const unknown = frames.classes.length;
    const ways = {
      class: { words: [...frames.classes, "unknown"], of: classOf.map((number) => (number < 0 ? unknown : number)) },
      part: { words: PART, of: frames.part },
      verdict: { words: VERDICT, of: verdict },
      picked: { words: PICKED, of: frames.picked.map((number) => (number < 0 ? 4 : number)) },
    };
    const plain = ["unknown", "not picked", "not labelled"];
    const colour = (word, number) => (plain.includes(word) ? GREY : COLOURS[number % COLOURS.length]);

    const source = new Bokeh.ColumnDataSource({
      data: {
        x: frames.x,
        y: frames.y.map((y) => -y),
        marker: frames.part.map((part) => MARKER[part]),
        size: every.map((n) => (verdict[n] === 0 ? 11 : frames.part[n] === 2 ? 6 : 8)),
        edge: every.map((n) => (verdict[n] === 0 ? 2 : 0)),
        colour: every.map(() => GREY),
      },
    });
    const filter = new (Bokeh.Models.get("BooleanFilter"))({ booleans: every.map(() => true) });
    const view = new Bokeh.CDSView({ filter });

    const thumbnail = (n, size) => {
      const across = frames.across;
      const [down, right, rows] = [Math.floor(n / across), n % across, Math.ceil(count / across)];
      const made = element("span", { className: "thumbnail" });
      // In place of a class: Bokeh's tooltips do not see the styles of the page.
      made.style.cssText =
        `display:inline-block;width:${size}px;height:${size}px;` +
        `background-image:url(${$("map-sheet").src});background-size:${across * size}px ${rows * size}px;` +
        `background-position:${-right * size}px ${-down * size}px`;
      return made;
    };
    const words = (n) => {
      const label = frames.label[n] >= 0 ? `labelled ${named(frames.label[n])}` : "not labelled";
      const p = frames.p[n] === null ? "" : ` ${Math.round(100 * frames.p[n])}%`;
      const said = frames.said[n] >= 0 ? `, judged ${named(frames.said[n])}${p}` : "";
      return `${frames.part[n] === 2 ? "" : `${PART[frames.part[n]]}, `}${label}${said}`;
    };
    const tooltip = (_, { index }) => {
      const made = element("div", {}, thumbnail(index, 96));
      made.style.cssText = "font:13px/1.35 system-ui,sans-serif;max-width:220px;overflow-wrap:anywhere";
      for (const line of [words(index), frames.path[index]]) made.append(element("div", { textContent: line }));
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
    const slope = count ? reach(frames.y) / reach(frames.x) : 1;
    const plot = Bokeh.Plotting.figure({
      tools,
      sizing_mode: "stretch_width",
      height: Math.round(Math.min(560, 0.75 * window.innerHeight, Math.max(260, slope * $("map-plot").clientWidth))),
      x_range: [-0.03, 1.03],
      match_aspect: true,
      min_border: 4,
      outline_line_color: null,
    });
    plot.toolbar.logo = null;
    plot.toolbar_location = "above";
    // Under a finger the page scrolls, until one of the tools is taken up.
    plot.toolbar.active_drag = window.matchMedia("(pointer: coarse)").matches ? null : lasso;
    for (const part of [...plot.xaxis, ...plot.yaxis, ...plot.xgrid, ...plot.ygrid]) part.visible = false;
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
    function list() {
      const indices = [...source.selected.indices].sort((a, b) => a - b);
      const paths = indices.map((n) => frames.path[n]);
      $("map-list").hidden = !indices.length;
      const [noun, more] = [indices.length === 1 ? "frame" : "frames", indices.length - SHOWN];
      $("map-selected").textContent = indices.length
        ? `${indices.length} ${noun} selected${more > 0 ? `, the first ${SHOWN} are shown` : ""}`
        : "No frame is selected.";
      $("map-paths").value = paths.join("\n");
      $("map-save").href = `data:text/plain;charset=utf-8,${encodeURIComponent(paths.join("\n") + "\n")}`;
      $("map-thumbnails").replaceChildren(
        ...indices.slice(0, SHOWN).map((n) => {
          const picture = thumbnail(n, 64);
          picture.setAttribute("role", "img");
          picture.setAttribute("aria-label", `${frames.path[n]}: ${words(n)}`);
          picture.title = picture.getAttribute("aria-label");
          return element("li", {}, picture);
        }),
      );
    }
    source.selected.properties.indices.change.connect(list);
    $("map-all").addEventListener("click", () => select(every.filter((n) => filter.booleans[n])));
    $("map-none").addEventListener("click", () => select([]));
    $("map-copy").addEventListener("click", async () => {
      const area = $("map-paths");
      try {
        await navigator.clipboard.writeText(area.value);
      } catch {
        // A page from a file may have no clipboard of this kind.
        area.select();
        document.execCommand("copy");
      }
      $("map-copy").textContent = "Copied";
      setTimeout(() => ($("map-copy").textContent = "Copy the list"), 2000);
    });

    colourBy("class");
    paint();
    sift();
    list();
    Bokeh.Plotting.show(plot, "#map-plot");
  }

  // The library takes a moment, and is not needed before the map is in sight.
  const sight = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      sight.disconnect();
      start().catch((error) => ($("map-waiting").textContent = `The map cannot be drawn: ${error.message}`));
    },
    { rootMargin: "400px" },
  );
  sight.observe(section);
})();
