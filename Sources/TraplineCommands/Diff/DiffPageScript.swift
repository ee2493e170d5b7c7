// What a diff's page does in the browser: it draws a call's diagram when the call is opened, shows the event chosen, and
// filters.

extension DiffPage {
  static let script = #"""
    "use strict";
    const data = JSON.parse(document.getElementById("data").textContent);
    const sections = [...document.querySelectorAll("details[data-span]")];
    const panel = document.getElementById("details");
    const rowHeight = 27, laneWidth = 62;

    function element(name, className, text) {
      const node = document.createElement(name);
      if (className) node.className = className;
      if (text !== undefined) node.textContent = text;
      return node;
    }
    const count = number => number.toLocaleString("en");
    const address = number => "0x" + number.toString(16).padStart(8, "0");

    function signOf([left, right]) {
      if (!right) return ["<", "left", "only in " + data.names[0]];
      if (!left) return [">", "right", "only in " + data.names[1]];
      return left[8] === right[8] ? ["=", "both", "in both"] : ["\u2260", "cost", "in both, at different cost"];
    }

    function fields(event) {
      const list = [["context", data.contexts[event[0]]], ["kind", data.kinds[event[1]]], ["details", data.texts[event[2]]],
        ["eip", address(event[3])], ["cr3", address(event[4])], ["sequence", count(event[5])],
        ["retired instructions", count(event[6])], ["at cycle", count(event[7])], ["cost in cycles", count(event[8])]];
      if (event[9]) list.push(["measured", count(event[9]) + " ns"]);
      return list;
    }

    function show(row) {
      const table = element("table");
      const sides = row[0] && row[1] ? [0, 1] : row[0] ? [0] : [1];
      const heading = element("tr");
      heading.append(element("th", "", signOf(row)[2]), ...sides.map(side => element("th", "", data.names[side])));
      table.append(heading);
      const values = sides.map(side => fields(row[side]));
      const names = [...new Set(values.flat().map(pair => pair[0]))];
      for (const name of names) {
        const line = element("tr");
        const cells = values.map(list => (list.find(pair => pair[0] === name) || ["", ""])[1]);
        line.append(element("th", "", name), ...cells.map(text => element("td", new Set(cells).size > 1 ? "other" : "", text)));
        table.append(line);
      }
      panel.replaceChildren(table);
      panel.hidden = false;
    }

    function path(points, hands) {
      const node = document.createElementNS("http://www.w3.org/2000/svg", "path");
      node.setAttribute("d", points);
      node.setAttribute("marker-end", "url(#head)");
      if (hands) node.setAttribute("class", "hand");
      return node;
    }

    function half(rows, side, lanes) {
      const box = element("div", "half");
      box.style.height = rows.length * rowHeight + "px";
      box.style.minWidth = lanes.length * laneWidth + 170 + "px";
      const lines = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      lines.setAttribute("width", lanes.length * laneWidth);
      lines.setAttribute("height", rows.length * rowHeight);
      lines.setAttribute("aria-hidden", "true");
      lanes.forEach((lane, index) => {
        const rule = element("i", "lane " + data.contexts[lane]);
        rule.style.left = index * laneWidth + 9 + "px";
        box.append(rule);
      });
      box.append(lines);
      let last = null;
      rows.forEach((row, index) => {
        const event = row[side];
        if (!event) return;
        const x = lanes.indexOf(event[0]) * laneWidth, y = index * rowHeight;
        const words = signOf(row)[2];
        const button = element("button", "event " + data.contexts[event[0]]);
        button.type = "button";
        button.row = row;
        button.style.left = x + "px";
        button.style.top = y + 6 + "px";
        button.style.maxWidth = "calc(100% - " + x + "px)";
        button.append(element("b", "", data.kinds[event[1]]), " " + data.texts[event[2]]);
        button.setAttribute("aria-label", [data.contexts[event[0]], data.kinds[event[1]], data.texts[event[2]], words].join(", "));
        if (last && last.event[0] !== event[0]) {
          lines.append(path(`M${last.x + 9} ${last.y + 25}V${y + 1}H${x + 9}V${y + 6}`, last.event[10]));
        }
        last = {event, x, y};
        box.append(button);
      });
      return box;
    }

    function draw(section) {
      const place = section.querySelector(".diagram");
      if (place.hasChildNodes()) return;
      const rows = data.spans[Number(section.dataset.span)];
      const lanes = data.lanes.map((_, lane) => lane)
        .filter(lane => rows.some(row => row.some(event => event && event[0] === lane)));
      const names = side => {
        const node = element("div", "names");
        node.append(element("strong", "", "<>"[side] + " " + data.names[side]));
        const list = element("div");
        lanes.forEach(lane => list.append(element("span", data.contexts[lane], data.lanes[lane])));
        node.append(list);
        return node;
      };
      const middle = element("div", "middle");
      rows.forEach((row, index) => {
        const [sign, kind, words] = signOf(row);
        const node = element("span", kind, sign);
        node.title = words;
        middle.append(node);
        if (kind !== "both") {
          const band = element("i", "band " + kind);
          band.style.top = index * rowHeight + 2 + "px";
          middle.append(band);
        }
      });
      place.append(names(0), element("div"), names(1), half(rows, 0, lanes), middle, half(rows, 1, lanes));
    }

    for (const section of sections) section.addEventListener("toggle", () => { if (section.open) draw(section); });
    const main = document.querySelector("main");
    const chosen = event => event.target.closest && event.target.closest("button.event");
    for (const kind of ["click", "focusin"]) {
      main.addEventListener(kind, event => {
        const button = chosen(event);
        if (!button) return;
        for (const old of main.querySelectorAll(".chosen")) old.classList.remove("chosen");
        button.classList.add("chosen");
        show(button.row);
      });
    }
    main.addEventListener("keydown", event => {
      const button = chosen(event), step = {ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling"}[event.key];
      const next = button && step && button[step];
      if (!next || !next.matches("button.event")) return;
      event.preventDefault();
      next.focus();
    });
    document.addEventListener("keydown", event => { if (event.key === "Escape") panel.hidden = true; });

    function filter() {
      const wanted = document.getElementById("filter").value.trim().toLowerCase();
      for (const section of sections) section.hidden = !section.querySelector("b").textContent.toLowerCase().includes(wanted);
      document.getElementById("count").textContent = sections.filter(section => !section.hidden).length + " shown";
    }
    document.getElementById("filter").addEventListener("input", filter);
    const setAll = open => sections.filter(section => !section.hidden).forEach(section => { section.open = open; });
    document.getElementById("open").addEventListener("click", () => setAll(true));
    document.getElementById("close").addEventListener("click", () => setAll(false));
    filter();
    """#
}
