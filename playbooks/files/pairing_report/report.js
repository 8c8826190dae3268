// The table of the pairing report. Values become text nodes only, never HTML.
"use strict";
(() => {
  const report = JSON.parse(document.getElementById("report-data").textContent);
  const byId = (id) => document.getElementById(id);
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const number = new Intl.NumberFormat("en");
  const NONE = "—";

  // In the order of what needs a look, which is the order of sorting.
  const STATES = {
    failed: ["✕", "Pairing failed"],
    not_paired: ["○", "Not paired"],
    unmanaged: ["◌", "Without a VEN"],
    ambiguous: ["≠", "Ambiguous"],
    inactive: ["‖", "Paired, inactive"],
    offline: ["◐", "Paired, offline"],
    online: ["●", "Paired, online"],
  };
  const STATE_ORDER = Object.keys(STATES);
  const MODES = ["idle", "visibility_only", "selective", "full"];
  const DIFFERS = "differs";

  const profiles = new Map(report.pairing_profiles.map((item) => [JSON.stringify([item.pce, item.name]), item]));
  const rows = report.hosts.map((row) => {
    const profile = profiles.get(JSON.stringify([row.pce, row.pairing_profile])) || null;
    const labels = Object.entries(row.labels);
    const name = row.host ?? row.hostname ?? row.workload ?? "";
    const words = [name, row.hostname, STATES[row.state][1], row.reason, row.enforcement_mode, row.ven_version,
      row.pairing_profile, row.pce, ...labels.map(([key, value]) => `${key}: ${value}`)];
    return { ...row, name, profile, labels, words: words.filter(Boolean).join("\n").toLowerCase() };
  });

  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }
  // Isolated, so that a text that runs from right to left does not turn its neighbours around.
  const value = (text, attributes = {}) => element("bdi", attributes, String(text));
  const quiet = (...children) => element("span", { class: "quiet" }, ...children);

  function duration(seconds) {
    const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
    const parts = [];
    for (const [unit, size] of units) {
      const count = Math.floor(seconds / size);
      if (count) parts.push(`${count} ${unit}`);
      seconds -= count * size;
    }
    return parts.slice(0, 2).join(" ") || "0 s";
  }
  const limit = (given) => (given === "unlimited" ? Infinity : given);

  function badge(state) {
    const [symbol, title] = STATES[state];
    return element("span", { class: `badge ${state}` }, element("span", { "aria-hidden": "true" }, symbol), title);
  }

  const severalPces = new Set(report.hosts.map((row) => row.pce)).size > 1;
  const columns = [
    {
      title: "Host", sort: (row) => row.name,
      cell: (row) => {
        const parts = [value(row.name, { class: "name" })];
        if (row.host !== null && row.hostname !== row.host) parts.push(quiet("at the PCE: ", value(row.hostname)));
        if (severalPces) parts.push(quiet("PCE: ", value(row.pce || "of the environment")));
        if (row.host === null) parts.push(quiet("no host of the play"));
        return parts;
      },
    },
    { title: "State", sort: (row) => STATE_ORDER.indexOf(row.state), cell: (row) => [badge(row.state)] },
    {
      title: "Enforcement mode", sort: (row) => row.enforcement_mode && MODES.indexOf(row.enforcement_mode),
      cell: (row) => {
        const parts = row.enforcement_mode ? [value(row.enforcement_mode)] : [];
        if (row.mode_differs) parts.push(element("span", { class: "differs" }, "should be ", value(row.expected_mode)));
        return parts;
      },
    },
    {
      title: "Labels", sort: (row) => row.labels.map(([key, text]) => `${key}: ${text}`).join(", "),
      cell: (row) => row.labels.length ? [element("ul", { class: "labels" }, ...row.labels.map(([key, text]) =>
        element("li", {}, value(key, { class: "key" }), ": ", value(text))))] : [],
    },
    { title: "VEN version", sort: (row) => row.ven_version, cell: (row) => row.ven_version ? [value(row.ven_version)] : [] },
    {
      title: "Pairing profile", sort: (row) => row.pairing_profile,
      cell: (row) => {
        const parts = row.pairing_profile ? [value(row.pairing_profile)] : [];
        if (row.profile && row.profile.found !== 1) parts.push(quiet(row.profile.found ? "there are several" : "not at the PCE"));
        if (row.profile && row.profile.enabled === false) parts.push(quiet("disabled"));
        return parts;
      },
    },
    {
      title: "Uses per key", sort: (row) => row.profile && limit(row.profile.allowed_uses_per_key), number: true,
      cell: (row) => {
        const given = row.profile && row.profile.allowed_uses_per_key;
        return given == null ? [] : [typeof given === "number" ? number.format(given) : String(given)];
      },
    },
    {
      title: "Key lifespan", sort: (row) => row.profile && limit(row.profile.key_lifespan), number: true,
      cell: (row) => {
        const given = row.profile && row.profile.key_lifespan;
        return given == null ? [] : [typeof given === "number" ? duration(given) : String(given)];
      },
    },
    { title: "Reason", sort: (row) => row.reason, cell: (row) => row.reason ? [value(row.reason)] : [] },
  ];

  const view = { column: 0, ascending: true, page: 0, found: [] };
  const head = document.querySelector("#table thead");
  const body = document.querySelector("#table tbody");
  const controls = { state: byId("state"), mode: byId("mode"), label: byId("label"), profile: byId("profile") };

  function compare(left, right) {
    if (typeof left === "number" && typeof right === "number") return left === right ? 0 : left - right;
    return collator.compare(left, right) || (left < right ? -1 : left > right ? 1 : 0);
  }

  // What has no value stands at the end in both directions; equals stand in the order of their names.
  function sorted(found) {
    const { sort } = columns[view.column];
    const keyed = found.map((row) => {
      const key = sort(row);
      return { row, key: key === "" || key === undefined ? null : key };
    });
    keyed.sort((left, right) => {
      if ((left.key === null) !== (right.key === null)) return left.key === null ? 1 : -1;
      const order = left.key === null ? 0 : compare(left.key, right.key);
      return (view.ascending ? order : -order) || compare(left.row.name, right.row.name);
    });
    return keyed.map(({ row }) => row);
  }

  function matching() {
    const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const { state, mode, label, profile } = controls;
    const [key, text] = label.value ? JSON.parse(label.value) : [];
    return rows.filter((row) =>
      (!state.value || row.state === state.value) &&
      (!mode.value || (mode.value === DIFFERS ? row.mode_differs : row.enforcement_mode === JSON.parse(mode.value))) &&
      (!label.value || row.labels.some(([own, its]) => own === key && its === text)) &&
      (!profile.value || row.pairing_profile === JSON.parse(profile.value)) &&
      words.every((word) => row.words.includes(word)));
  }

  // Made once for each row, since many of them take long.
  function line(row) {
    if (row.line) return row.line;
    const made = element("tr", { role: "row" });
    columns.forEach((column, index) => {
      const attributes = { "data-title": column.title, class: column.number ? "number" : "text" };
      const parts = column.cell(row);
      made.append(index === 0
        ? element("th", { ...attributes, role: "rowheader", scope: "row" }, ...parts)
        : element("td", { ...attributes, role: "cell" }, ...(parts.length ? parts : [quiet(NONE)])));
    });
    row.line = made;
    return made;
  }

  function show(all = false) {
    const chosen = byId("size").value;
    const size = all || chosen === "all" ? Math.max(view.found.length, 1) : Number(chosen);
    const pages = Math.max(1, Math.ceil(view.found.length / size));
    view.page = Math.min(view.page, pages - 1);
    const first = view.page * size;
    const part = view.found.slice(first, first + size);
    const fragment = document.createDocumentFragment();
    for (const row of part) fragment.append(line(row));
    if (!part.length) {
      fragment.append(element("tr", { role: "row" },
        element("td", { role: "cell", colspan: columns.length, class: "none" },
          rows.length ? "No host matches these filters." : "There are no hosts in this report.")));
    }
    body.classList.toggle("many", part.length > 200);
    body.replaceChildren(fragment);
    byId("shown").textContent = part.length
      ? `${number.format(first + 1)} to ${number.format(first + part.length)} of ${number.format(view.found.length)}` +
        (view.found.length < rows.length ? `, filtered from ${number.format(rows.length)}` : "")
      : `0 of ${number.format(rows.length)}`;
    byId("page").textContent = `Page ${number.format(view.page + 1)} of ${number.format(pages)}`;
    // Not disabled, which would drop the focus of who pages by keyboard.
    byId("previous").setAttribute("aria-disabled", String(view.page === 0));
    byId("next").setAttribute("aria-disabled", String(view.page >= pages - 1));
    view.pages = pages;
    for (const [index, cell] of [...head.rows[0].cells].entries()) {
      if (index === view.column) cell.setAttribute("aria-sort", view.ascending ? "ascending" : "descending");
      else cell.removeAttribute("aria-sort");
    }
    for (const bar of document.querySelectorAll(".bar")) {
      bar.setAttribute("aria-pressed", String(controls[bar.dataset.control].value === bar.dataset.value));
    }
  }

  function update() {
    view.found = sorted(matching());
    view.page = 0;
    show();
  }

  function turn(by) {
    const page = view.page + by;
    if (page < 0 || page >= view.pages) return;
    view.page = page;
    show();
    byId("table").scrollIntoView({ block: "start" });
  }

  function options(select, first, entries) {
    select.append(element("option", { value: "" }, first));
    for (const [chosen, title] of entries) select.append(element("option", { value: chosen }, title));
  }

  const count = (list) => {
    const counts = new Map();
    for (const item of list) counts.set(item, (counts.get(item) || 0) + 1);
    return counts;
  };

  function fill() {
    const states = count(rows.map((row) => row.state));
    options(controls.state, "all states", STATE_ORDER.filter((state) => states.has(state)).map((state) => [state, STATES[state][1]]));

    const modes = count(rows.map((row) => row.enforcement_mode));
    const known = [...modes.keys()].filter((mode) => mode !== null)
      .sort((left, right) => MODES.indexOf(left) - MODES.indexOf(right) || compare(left, right));
    options(controls.mode, "all modes", known.map((mode) => [JSON.stringify(mode), mode]));
    if (rows.some((row) => row.mode_differs)) controls.mode.append(element("option", { value: DIFFERS }, "not as it should be"));

    options(controls.label, "all labels", []);
    const labels = new Map();
    for (const [key, text] of rows.flatMap((row) => row.labels)) {
      if (!labels.has(key)) labels.set(key, new Set());
      labels.get(key).add(text);
    }
    for (const key of [...labels.keys()].sort(compare)) {
      controls.label.append(element("optgroup", { label: key }, ...[...labels.get(key)].sort(compare).map((text) =>
        element("option", { value: JSON.stringify([key, text]) }, `${key}: ${text}`))));
    }

    const used = new Set(rows.map((row) => row.pairing_profile).filter((name) => name !== null));
    options(controls.profile, "all pairing profiles", [...used].sort(compare).map((name) => [JSON.stringify(name), name]));

    chart("State", "state", STATE_ORDER.map((state) => [state, ...STATES[state], states.get(state) || 0, state]));
    chart("Enforcement mode", "mode", known.map((mode) => [JSON.stringify(mode), "▪", mode, modes.get(mode), "mode"]));
  }

  // Each bar says its title and its count in words, so nothing hangs on its colour or length.
  function chart(title, control, entries) {
    const list = element("ul", {});
    const most = Math.max(1, ...entries.map((entry) => entry[3]));
    for (const [chosen, symbol, name, size, tone] of entries.filter((entry) => entry[3])) {
      const fill = element("span", { class: `fill ${tone}`, "aria-hidden": "true" });
      fill.style.width = `${(100 * size) / most}%`;
      const bar = element("button", { type: "button", class: "bar", "aria-pressed": "false" },
        element("span", { class: `symbol ${tone}`, "aria-hidden": "true" }, symbol), value(name, { class: "what" }),
        element("span", { class: "track", "aria-hidden": "true" }, fill),
        element("span", { class: "count" }, number.format(size)));
      bar.dataset.control = control;
      bar.dataset.value = chosen;
      bar.addEventListener("click", () => {
        const select = controls[control];
        select.value = select.value === chosen ? "" : chosen;
        update();
      });
      list.append(element("li", {}, bar));
    }
    if (!list.children.length) return;
    const heading = element("h3", { id: `chart-${control}` }, title);
    byId("charts").append(element("div", { role: "group", "aria-labelledby": `chart-${control}` }, heading, list));
  }

  const top = element("tr", { role: "row" });
  columns.forEach((column, index) => {
    const button = element("button", { type: "button" }, column.title, element("span", { class: "arrow", "aria-hidden": "true" }));
    button.addEventListener("click", () => {
      view.ascending = view.column === index ? !view.ascending : true;
      view.column = index;
      update();
    });
    top.append(element("th", { role: "columnheader", scope: "col", class: column.number ? "number" : "text" }, button));
  });
  head.append(top);

  for (const name of ["unchanged_since", "checked_at"]) {
    const time = byId(name);
    time.dateTime = report[name];
    time.textContent = report[name].replace("T", " ").replace("Z", " UTC");
  }

  fill();
  byId("search").addEventListener("input", update);
  for (const select of Object.values(controls)) select.addEventListener("change", update);
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("clear").addEventListener("click", () => { byId("filters").reset(); update(); });
  byId("size").addEventListener("change", () => { view.page = 0; show(); });
  byId("previous").addEventListener("click", () => turn(-1));
  byId("next").addEventListener("click", () => turn(1));
  // On paper stands all that is found, and not a page of it.
  addEventListener("beforeprint", () => { view.kept = view.page; view.page = 0; show(true); });
  addEventListener("afterprint", () => { view.page = view.kept || 0; show(); });
  byId("charts").hidden = false;
  byId("hosts").hidden = false;
  update();
})();
