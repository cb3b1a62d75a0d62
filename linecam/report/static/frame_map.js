// The map of all frames in the report: unpacks the frames and the library, has map_drawing.js draw them, and lists those that
// are selected.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const section = $("map-tool");
  if (!section || !window.DecompressionStream || !window.IntersectionObserver) return;

  // At most so many thumbnails are shown of a selection; the list of paths has all.
  const SHOWN = 60;
  const PART = ["training", "test", "not labelled"];
  const PICKED = ["first quarter", "second quarter", "third quarter", "last quarter", "not picked"];
  const VERDICT = ["wrong", "right", "unknown"];

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
      const p = frames.p[n] === null ? "" : ` ${Math.round(100 * frames.p[n])} %`;
      const said = frames.said[n] >= 0 ? `, judged ${named(frames.said[n])}${p}` : "";
      return `${frames.part[n] === 2 ? "" : `${PART[frames.part[n]]}, `}${label}${said}`;
    };

    function list(indices) {
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

    window.drawFrameMap(Bokeh, {
      x: frames.x,
      y: frames.y,
      part: frames.part,
      marked: verdict.map((number) => number === 0),
      small: frames.part.map((part) => part === 2),
      ways,
      plain: ["unknown", "not picked", "not labelled"],
      pictured: thumbnail,
      told: (n) => [words(n), frames.path[n]],
      selected: list,
    });
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
