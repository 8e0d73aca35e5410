// The sliders: they choose among recorded runs, and draw the curve S(B) t(B). The state is in the address.
"use strict";
(() => {
  const play = JSON.parse(document.getElementById("runs").textContent);
  const find = (id) => document.getElementById(id);
  const OF_RUN = ["b", "eta"], OF_CURVE = ["ab", "bc"], NAMES = [...OF_RUN, ...OF_CURVE];
  const [LEAST, MOST] = play.ends;  // of a/b and B_c
  const sliders = Object.fromEntries(NAMES.map((name) => [name, find(`slider-${name}`)]));
  const surfaces = [...document.querySelectorAll("[name=surface]")];
  const state = { ...play.begin };
  const wanted = { b: state.b, eta: state.eta };  // what was asked for last; `state` is what this surface has of it

  // Where in `values` the one is that is nearest on a log scale.
  const apart = (value, wanted) => Math.abs(Math.log(value / wanted));
  const nearest = (values, wanted) =>
    values.reduce((best, value, k) => (apart(value, wanted) < apart(values[best], wanted) ? k : best), 0);
  const short = (value) => Number(value.toPrecision(3));
  const three = (value) => short(value).toLocaleString("en", { maximumSignificantDigits: 3 });
  const time = (s) => (s < 1e-3 ? `${three(1e6 * s)} µs` : s < 1 ? `${three(1e3 * s)} ms` : `${three(s)} s`);
  // How far along a log axis a value lies, 0 to 1.
  const share = (axis, value) => Math.log(value / axis.low) / Math.log(axis.high / axis.low);
  const within = (plot) => find(`plot-${plot}`).querySelector(".inside");
  const width = (plot) => within(plot).width.baseVal.value;

  // ---- drawing ----

  function draw(plot, lines) {
    within(plot).replaceChildren(...lines.map(([kind, attributes]) => {
      const element = document.createElementNS("http://www.w3.org/2000/svg", kind);
      for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
      return element;
    }));
  }

  // Points on two log scales as the d of a path in a box of this width, 306 high.
  function line(points, x, y, width) {
    const place = ([a, b]) => `${(width * share(x, a)).toFixed(1)} ${(306 * (1 - share(y, b))).toFixed(1)}`;
    return "M" + points.map(place).join(" ");
  }

  function drawRun(note = "") {
    const scene = play.scenes[state.surface];
    const size = nearest(scene.sizes, state.b), rate = nearest(scene.rates, state.eta);
    const run = scene.runs[size][rate];
    let x = 0, y = 0, d = "M";
    for (let k = 0; k < run.path.length; k += 2) {
      x += run.path[k];
      y += run.path[k + 1];
      d += `${x} ${play.grid - y} `;
    }
    for (const each of document.querySelectorAll(".scene")) each.hidden = each.dataset.scene !== scene.name;
    const picture = document.querySelector(`.scene[data-scene=${scene.name}]`), out = picture.querySelector(".out");
    picture.querySelector(".path").setAttribute("d", d);
    out.toggleAttribute("hidden", !run.out);
    if (run.out) {
      const { x, y, angle, short: words } = run.out;
      out.querySelector("path").setAttribute("transform", `translate(${54 + 0.3 * x} ${8 + 0.3 * y}) rotate(${angle})`);
      out.querySelector("text").textContent = words;
    }

    // The loss above its least, by update and by second: of the run, and thinner of the other batch sizes at this rate.
    const above = (run) => run.loss.map((value) => 10 ** (value / 100));
    const others = scene.runs.map((rates) => rates[rate]).filter((other) => other !== run);
    const timed = (each) => play.seconds[scene.runs.findIndex((rates) => rates[rate] === each)];
    const madeUp = scene.name !== "digits", clock = !madeUp && timed(run);
    const curves = (unit, scale, others) => {
      const path = (each) => line(above(each).map((value, k) => [scene.moments[k] * scale(each), value]),
        play.axes[unit], play.axes.above, width(unit));
      return [...others.map((each) => ["path", { class: "other", d: path(each) }]), ["path", { class: "path", d: path(run) }]];
    };
    draw("updates", curves("updates", () => 1, others));
    draw("seconds", clock ? curves("seconds", timed, others.filter(timed)) : []);
    find("plot-seconds").closest("figure").hidden = madeUp;
    find("plot-seconds").classList.toggle("idle", !clock);
    find("no-clock").hidden = Boolean(clock);

    const all = scene.sizes[size] === scene.rows ? "all " : "";
    const batch = `${all}${scene.sizes[size].toLocaleString("en")}`, eta = String(scene.rates[rate]);
    show("b", batch, `${batch} of ${scene.rows} samples`);
    show("eta", eta, eta);
    const last = above(run).at(-1), epochs = play.updates * scene.sizes[size] / scene.rows;
    find("readout").textContent = `Batch size ${batch}, η = ${eta}: ${play.updates} updates, ${three(epochs)} passes ` +
      `through the samples${clock ? `, ${time(play.updates * clock)}` : ""}; the loss ends ` +
      `${last < 1.01 * play.axes.above.low ? "less than 0.00001" : three(last)} above its least.` +
      (run.out ? ` The path ${run.out.said}.` : "") + (madeUp ? " This surface is made up: it has no clock." : "") + note;
  }

  function drawCurve() {
    const { ab, bc } = state, best = Math.sqrt(ab * bc);
    const over = (B) => (1 + bc / B) * (ab + B) / (Math.sqrt(ab) + Math.sqrt(bc)) ** 2;
    const { B, time: T } = play.axes, wide = width("curve");
    const sizes = Array.from({ length: 193 }, (_, k) => B.high ** (k / 192));
    // T over its least is 1 + c (x + 1/x − 2) at x B*: where that is 1.1, on either side.
    const c = Math.sqrt(ab * bc) / (Math.sqrt(ab) + Math.sqrt(bc)) ** 2, half = 1 + 0.1 / c / 2;
    const x = half + Math.sqrt(half * half - 1), low = Math.max(1, best / x), high = best * x;
    const left = wide * share(B, low), right = Math.min(wide, wide * share(B, high));
    draw("curve", [
      ["rect", { class: "band", x: left, y: 0, width: Math.max(0, right - left), height: 306 }],
      ["path", { class: "path", d: line(sizes.map((size) => [size, over(size)]), B, T, wide) }],
      ["circle", { class: "best", cx: wide * share(B, best), cy: 306 * (1 - share(T, 1)), r: 6 }],
    ]);
    show("ab", three(ab), three(ab));
    show("bc", three(bc), three(bc));
    find("curve-readout").textContent = `Fastest at B* = ${three(best)}. From ${three(low)} to ${three(high)} the time ` +
      `is at most 10 % longer; one sample takes ${three(over(1))} times as long.`;
  }

  function show(name, text, spoken) {
    find(`value-${name}`).textContent = text;
    sliders[name].setAttribute("aria-valuetext", spoken);
  }

  // ---- state ----

  // What is shown is what the state says: a place that this surface lacks becomes its nearest, and a note says so.
  function place() {
    const scene = play.scenes[state.surface], { b, eta } = wanted;
    state.b = scene.sizes[nearest(scene.sizes, b)];
    state.eta = scene.rates[nearest(scene.rates, eta)];
    const lacking = [...(state.b === b ? [] : [`batch size ${b}`]), ...(state.eta === eta ? [] : [`η = ${eta}`])];
    const note = lacking.length ? ` Not recorded here: ${lacking.join(", ")}; shown is the nearest.` : "";
    surfaces.forEach((each) => { each.checked = each.value === state.surface; });
    sliders.b.max = scene.sizes.length - 1;
    sliders.eta.max = scene.rates.length - 1;
    sliders.b.value = scene.sizes.indexOf(state.b);
    sliders.eta.value = scene.rates.indexOf(state.eta);
    sliders.ab.value = Math.log10(state.ab);
    sliders.bc.value = Math.log10(state.bc);
    drawRun(note);
    drawCurve();
    linkPresets();
  }

  // A preset keeps a/b and B_c, and its address says so.
  const presets = [...document.querySelectorAll(".go")];
  function linkPresets() {
    for (const each of presets) each.href = `#${each.dataset.place}&ab=${state.ab}&bc=${state.bc}`;
  }

  const SEEN = { seen: true };  // an entry of the history that was here before: Back comes to it, and must not scroll
  function remember(at = "") {
    linkPresets();
    const address = new URLSearchParams(["surface", ...NAMES].map((name) => [name, state[name]]));
    try { history.replaceState(SEEN, "", `#${at ? `${at}&` : ""}${address}`); } catch { /* too often for this browser: only the address lags */ }
  }

  // The part of the page that an address such as #word-batch or #word-batch&b=32 names; "" for none.
  const section = () => {
    const [name] = location.hash.slice(1).split("&");
    return name && !name.includes("=") && find(name) ? name : "";
  };

  // The state of an address such as #surface=digits&b=32&eta=0.1; false for any other address.
  function recall() {
    const asked = new URLSearchParams(location.hash.slice(1));
    if (!["surface", ...NAMES].some((name) => asked.has(name))) return false;
    if (Object.hasOwn(play.scenes, asked.get("surface"))) state.surface = asked.get("surface");
    for (const name of NAMES) {
      const value = Number(asked.get(name));
      if (!(value > 0 && Number.isFinite(value))) continue;
      if (OF_CURVE.includes(name)) state[name] = short(Math.min(MOST, Math.max(LEAST, value)));
      else wanted[name] = value;
    }
    return true;
  }

  surfaces.forEach((each) => each.addEventListener("change", () => { state.surface = each.value; place(); remember(); }));
  for (const [name, slider] of Object.entries(sliders)) {
    slider.addEventListener("input", () => {
      const scene = play.scenes[state.surface];
      if (name === "b") wanted.b = state.b = scene.sizes[slider.value];
      else if (name === "eta") wanted.eta = state.eta = scene.rates[slider.value];
      else state[name] = short(10 ** slider.value);
      (OF_CURVE.includes(name) ? drawCurve : drawRun)();
      remember();
    });
  }
  const go = () => {
    const at = section(), isNew = history.state === null;
    if (recall()) {
      place();
      remember(at);
      if (isNew) find(at || "sliders").scrollIntoView();
    } else if (at && NAMES.some((name) => state[name] !== play.begin[name])) {
      remember(at);  // a link to a word does not lose the place
    }
  };
  addEventListener("hashchange", go);
  addEventListener("popstate", ({ state: entry }) => {  // Back: to the link that led to the sliders, where it stood
    if (!entry?.from) return;
    const { link, top } = entry.from;
    requestAnimationFrame(() => {
      presets[link].focus({ preventScroll: true });
      scrollBy(0, presets[link].getBoundingClientRect().top - top);
    });
  });
  presets.forEach((each) => each.addEventListener("click", (event) => {
    event.preventDefault();
    const from = { link: presets.indexOf(each), top: each.getBoundingClientRect().top };
    history.replaceState({ ...SEEN, from }, "");
    history.pushState(null, "", each.hash);
    go();
    sliders.b.focus({ preventScroll: true });  // by keyboard one goes on from there
  }));

  // What is wider than the screen can be scrolled by keyboard; and nothing is closed on paper.
  const watch = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const wide = target.scrollWidth > target.clientWidth;
      target.classList.toggle("wide", wide);  // which says so, see style.css
      if (wide) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
      const larger = target.parentElement.querySelector(".larger"), svg = target.querySelector("svg");
      if (larger && !target.classList.contains("large")) {
        larger.hidden = svg.clientWidth > 0.75 * parseFloat(getComputedStyle(target).getPropertyValue("--drawn"));
      }
    }
  });
  document.querySelectorAll(".larger button").forEach((button) => button.addEventListener("click", () => {
    const canvas = button.closest("figure").querySelector(".canvas");
    button.textContent = canvas.classList.toggle("large") ? "Smaller figure" : "Larger figure";
    watch.unobserve(canvas);
    watch.observe(canvas);  // looks at it again, though its own size is the same
  }));
  document.querySelectorAll(".scrolls").forEach((each) => watch.observe(each));
  const details = [...document.querySelectorAll("details")];
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = details.filter((each) => !each.open);
    closed.forEach((each) => { each.open = true; });
  });
  addEventListener("afterprint", () => closed.forEach((each) => { each.open = false; }));
  sliders.ab.max = sliders.bc.max = Math.log10(MOST);
  place();
  go();
})();
