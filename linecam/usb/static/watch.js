// Asks once a second what the camera has said. Text comes from a serial line: it is never taken for markup.

const EVERY = 1000; // ms
const at = (id) => document.getElementById(id);

/** The colour of the camera's LED. */
const colour = (name) => ({ good: "good", bad: "bad", undecided: "none" })[name] ?? "other";

function element(tag, text = "", kind = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function row(tag, cells) {
  const made = document.createElement("tr");
  made.append(...cells.map((cell, place) => element(place ? tag : "th", String(cell))));
  return made;
}

function show(state) {
  document.title = `${state.now?.label ?? "waiting"} · linecam`;
  at("port").textContent = state.port;
  const odd = [];
  if (state.failed) odd.push(`frames failed: ${state.failed}`);
  if (state.missed) odd.push(`items without a decision: ${state.missed}`);
  if (state.unreadable) odd.push(`lines unreadable: ${state.unreadable}`);
  at("about").textContent = [`listening since ${state.since.slice(0, 16).replace("T", " ")}`, ...odd].join(" · ");
  alarm(!state.connected ? "The camera's port is gone: was the camera unplugged? linecam goes on when the port is back."
    : state.stopped ? `The camera's program has ended: ${state.stopped}`
    : state.drifts.length ? `The line has changed. ${state.drifts.join(". ")}.` : "");

  const now = state.now;
  at("last").className = now ? colour(now.label) : "";
  at("label").textContent = now?.label ?? "waiting";
  at("figures").textContent = now
    ? `score ${now.score.toFixed(2)} · ${now.ms} ms a decision${now.frames > 1 ? ` of ${now.frames} frames` : ""}${now.place && ` · ${now.place}`} · ${now.when}`
    : "No decision now.";

  const total = Object.values(state.counts).reduce((sum, count) => sum + count, 0);
  at("total").textContent = total.toLocaleString("en");
  at("counts").replaceChildren(...state.names.map((name) => {
    const count = state.counts[name] ?? 0, line = element("li", "", colour(name)), bar = document.createElement("i");
    bar.style.width = `${total ? (100 * count) / total : 0}%`;
    const share = document.createElement("span");
    share.append(bar);
    line.append(element("span", name), share, element("b", count.toLocaleString("en")));
    return line;
  }));

  at("byhour").hidden = !state.hours.length;
  at("hourhead").replaceChildren(row("th", ["hour", ...state.names]));
  at("hours").replaceChildren(...[...state.hours].reverse().map(({ hour, counts }) =>
    row("td", [`${hour}:00`, ...state.names.map((name) => counts[name] ?? 0)])));

  at("seen").hidden = !state.picture;
  if (state.picture && at("picture").dataset.number !== String(state.picture)) {
    at("picture").dataset.number = state.picture;
    at("picture").src = `picture?${state.picture}`;
  }
  at("said").hidden = !state.recent.length;
  at("recent").replaceChildren(...state.recent.map(({ when, kind, text }) => {
    const line = element("li", "", kind);
    line.append(element("time", `${when}  `), text);
    return line;
  }));
}

function alarm(text) {
  if (at("alarm").textContent !== text) at("alarm").textContent = text;
  at("alarm").hidden = !text;
}

async function look() {
  try {
    const response = await fetch("state", { cache: "no-store", signal: AbortSignal.timeout(5000) });
    if (!response.ok) throw new Error(response.status);
    show(await response.json());
  } catch {
    alarm("The command linecam watch has ended. Start it again, and take the address that it prints.");
  }
  setTimeout(look, EVERY);
}

look();
