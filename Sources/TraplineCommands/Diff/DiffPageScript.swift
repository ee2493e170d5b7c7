// What the page of a comparison does: it draws a span's swimlanes when that is opened, shows an event's details, and chooses
// among calls. Plain JavaScript, nothing from elsewhere.

extension DiffPage {
  static let script = """
    'use strict';
    const data = JSON.parse(document.getElementById('data').textContent);
    const panel = document.getElementById('details');
    const make = (tag, name, text) => {
      const element = document.createElement(tag);
      if (name) element.className = name;
      if (text !== undefined) element.textContent = text;
      return element;
    };
    // To which context an event hands over: the arrow's other end.
    const target = (event) => {
      const kind = data.strings[event[1]], text = data.strings[event[2]];
      if (kind === 'worldSwitch') return text.startsWith('to=host') ? 'hostKernel' : 'monitor';
      if (kind === 'doorbell') return text.startsWith('towards=vmx') ? 'vmx' : 'hostKernel';
      if (kind === 'controllerCommand') return 'device';
      return null;
    };
    const show = (box, event, side) => {
      document.querySelectorAll('.chosen').forEach((other) => other.classList.remove('chosen'));
      box.classList.add('chosen');
      panel.textContent = '';
      const list = make('dl');
      const facts = [['on', data.names[side]], ['context', data.contexts[event[0]]], ['event', data.strings[event[1]]],
        ['details', data.strings[event[2]] || 'none'], ['modelled cycles', event[3].toLocaleString('en')],
        ['retired instructions', event[4].toLocaleString('en')], ['eip', '0x' + event[5].toString(16)]];
      for (const [name, value] of facts) { list.append(make('dt', '', name), make('dd', '', value)); }
      panel.append(list);
      panel.hidden = false;
    };
    const cell = (event, side, lanes, isOnly) => {
      const place = make('div', event ? (isOnly ? 'cell only' : 'cell') : 'cell none');
      if (!event) return place;
      const lane = lanes.indexOf(event[0]), width = 100 / lanes.length;
      const text = data.strings[event[1]] + ' ' + data.strings[event[2]];
      const box = make('button', 'box c-' + data.contexts[event[0]], (isOnly ? '+ ' : '') + text);
      box.type = 'button';
      box.title = text;
      const start = Math.min(lane * width, 60);
      box.style.marginLeft = start + '%';
      box.style.maxWidth = 100 - start + '%';
      box.addEventListener('click', () => show(box, event, side));
      place.append(box);
      const other = target(event);
      const to = other === null ? -1 : lanes.indexOf(data.contexts.indexOf(other));
      if (to >= 0 && to !== lane) {
        const flow = make('div', 'flow ' + (to > lane ? 'right' : 'left'));
        flow.style.left = (Math.min(lane, to) + .5) * width + '%';
        flow.style.width = Math.abs(to - lane) * width + '%';
        place.append(flow);
      }
      return place;
    };
    const draw = (details) => {
      const place = details.querySelector('.paths');
      if (place.childElementCount > 0) return;
      const rows = data.paths[details.dataset.index];
      const lanes = [0, 1].map((side) => [...new Set(rows.filter((row) => row[side]).map((row) => row[side][0]))].sort());
      const heads = make('div', 'row heads');
      lanes.forEach((list, side) => {
        const head = make('div', 'cell');
        head.title = data.names[side];
        list.forEach((context) => head.append(make('span', '', data.contexts[context])));
        heads.append(head);
      });
      const names = make('div', 'row');
      data.names.forEach((name) => names.append(make('b', '', name)));
      place.append(names, heads);
      for (const [left, right] of rows) {
        const row = make('div', 'row');
        row.append(cell(left, 0, lanes[0], !right), cell(right, 1, lanes[1], !left));
        place.append(row);
      }
    };
    const all = [...document.querySelectorAll('details')];
    all.forEach((details) => details.addEventListener('toggle', () => { if (details.open) draw(details); }));
    document.getElementById('open').addEventListener('click', () => all.forEach((details) => { details.open = !details.hidden; }));
    document.getElementById('close').addEventListener('click', () => all.forEach((details) => { details.open = false; }));
    document.getElementById('filter').addEventListener('input', (event) => {
      const wanted = event.target.value.trim().toLowerCase();
      all.forEach((details) => { details.hidden = !details.dataset.title.toLowerCase().includes(wanted); });
    });
    document.addEventListener('keydown', (event) => { if (event.key === 'Escape') panel.hidden = true; });
    """
}
