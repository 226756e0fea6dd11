'use strict';
// Everything on the page is readable without this script. It sorts and filters tables, switches the arms of a figure, shows
// the values under the pointer, and opens the provenance of a number. Text from data is set only as text.
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const make = (tag, text, parent) => {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    if (parent) parent.append(element);
    return element;
  };

  // Sorting within each group of rows; a third click restores the order of the report.
  const value = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.v === undefined ? null : Number(cell.dataset.v);
  };
  const compare = (column, sign) => (a, b) => {
    const [x, y] = [value(a, column), value(b, column)];
    if (x !== null && y !== null) return sign * (x - y);
    if (x !== null || y !== null) return x === null ? 1 : -1;
    return sign * a.cells[column].textContent.localeCompare(b.cells[column].textContent, 'en');
  };
  const wireSort = (table) => {
    const bodies = [...table.tBodies].map((body) => [body, all('tr[data-row]', body)]);
    for (const head of all('thead th', table)) {
      head.querySelector('button').addEventListener('click', () => {
        const next = { none: 'descending', descending: 'ascending', ascending: 'none' }[head.ariaSort];
        for (const other of all('thead th', table)) other.ariaSort = 'none';
        head.ariaSort = next;
        const sign = next === 'descending' ? -1 : 1;
        for (const [body, rows] of bodies) {
          body.append(...(next === 'none' ? rows : [...rows].sort(compare(head.cellIndex, sign))));
        }
      });
    }
  };

  const wireFilter = (input) => {
    const table = document.getElementById(input.getAttribute('aria-controls'));
    const rows = all('tr[data-row]', table);
    const count = input.closest('.filter').querySelector('output');
    input.addEventListener('input', () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
      }
      const shown = rows.filter((row) => !row.hidden).length;
      count.textContent = words.length ? `${shown} of ${rows.length} rows` : '';
    });
  };

  // One tab stop per table; arrow keys move from cell to cell.
  const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const wireArrows = (table) => {
    const first = table.querySelector('tbody button');
    for (const button of all('tbody button', table)) button.tabIndex = button === first ? 0 : -1;
    table.addEventListener('keydown', (event) => {
      const step = steps[event.key];
      const cell = event.target.closest('td, th');
      if (!step || !cell || !cell.closest('tbody')) return;
      const rows = all('tr[data-row]', table).filter((row) => !row.hidden);
      let [row, column] = [rows.indexOf(cell.parentElement), cell.cellIndex];
      for (;;) {
        [row, column] = [row + step[0], column + step[1]];
        const next = rows[row] && rows[row].cells[column];
        if (!next) return;
        const button = next.querySelector('button');
        if (button) {
          event.preventDefault();
          event.target.tabIndex = -1;
          button.tabIndex = 0;
          button.focus();
          return;
        }
      }
    });
  };

  // Switches arms of a figure on and off, in its panels and in its tables.
  const wireSwitch = (box) => {
    const apply = () => {
      const figure = box.closest('figure');
      const mine = `[data-k="${box.dataset.k}"]`;
      for (const part of all(`.panel ${mine}, .panel${mine}`, figure)) part.classList.toggle('off', !box.checked);
      for (const head of all(`th${mine}`, figure)) {
        for (const row of head.closest('table').rows) row.cells[head.cellIndex].classList.toggle('off', !box.checked);
      }
    };
    box.addEventListener('change', apply);
    apply(); // a browser may restore the boxes of a page as they were left
  };

  // Values under the pointer or, with the arrow keys, at a position along the panel.
  const tip = make('div', undefined, document.body);
  tip.className = 'tip';
  tip.setAttribute('role', 'status');
  tip.hidden = true;
  const warp = (x, scale) => (scale === 'log' ? Math.log10(x) : x);
  const place = (panel, x) => {
    const { scale, low, high, left, right } = panel.dataset;
    const [a, b] = [warp(Number(low), scale), warp(Number(high), scale)];
    return Number(left) + ((right - left) * (warp(x, scale) - a)) / (b - a);
  };
  const showAt = (point) => {
    tip.hidden = false;
    const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
    tip.style.left = `${Math.max(8, Math.min(point.x + 14, room))}px`;
    tip.style.top = `${Math.max(8, Math.min(point.y + 14, window.innerHeight - tip.offsetHeight - 8))}px`;
  };
  const light = (panel, mark) => {
    for (const lit of all('.mark.on', panel)) lit.classList.remove('on');
    if (mark) mark.classList.add('on');
  };
  const hide = (panel) => {
    tip.hidden = true;
    light(panel);
    panel.querySelector('.cursor').setAttribute('d', '');
  };
  const tell = (panel, index, point) => {
    const table = document.getElementById(panel.dataset.table);
    const row = table.tBodies[0].rows[index];
    const x = place(panel, Number(row.cells[0].textContent));
    panel.querySelector('.cursor').setAttribute('d', `M${x.toFixed(1)},${panel.dataset.top}V${panel.dataset.bottom}`);
    tip.replaceChildren();
    make('b', `${table.tHead.rows[0].cells[0].textContent} ${row.cells[0].textContent}`, tip);
    for (const group of all('g[data-k]:not(.off):not(.mark)', panel)) {
      const head = table.querySelector(`th[data-k="${group.dataset.k}"]`);
      if (!head) continue;
      const line = make('span', undefined, tip);
      make('i', undefined, line).style.background = group.getAttribute('stroke');
      line.append(`${head.textContent} ${row.cells[head.cellIndex].textContent}`);
    }
    panel.dataset.index = index;
    showAt(point);
  };
  // Distance of a mark from a position: 0 on the mark, else from its point or from the line through its points.
  const points = (mark) => {
    const numbers = mark.dataset.at.split(' ').map(Number);
    return numbers.flatMap((x, i) => (i % 2 ? [] : [{ x, y: numbers[i + 1] }]));
  };
  const toPiece = (at, a, b) => {
    const length = (b.x - a.x) ** 2 + (b.y - a.y) ** 2;
    const share = length && Math.max(0, Math.min(1, ((at.x - a.x) * (b.x - a.x) + (at.y - a.y) * (b.y - a.y)) / length));
    return Math.hypot(a.x + share * (b.x - a.x) - at.x, a.y + share * (b.y - a.y) - at.y);
  };
  const away = (mark, at) => {
    const line = points(mark);
    return Math.min(...line.map((point, i) => toPiece(at, point, line[i + 1] ?? point)));
  };
  const sayMark = (panel, mark, point) => {
    tip.replaceChildren(mark.querySelector('title').textContent);
    light(panel, mark);
    showAt(point);
  };
  const wirePanel = (panel) => {
    const marks = all('.mark', panel);
    const shown = () => marks.filter((mark) => !mark.classList.contains('off'));
    const table = panel.dataset.table && document.getElementById(panel.dataset.table);
    const xs = table ? [...table.tBodies[0].rows].map((row) => place(panel, Number(row.cells[0].textContent))) : [];
    panel.addEventListener('pointermove', (event) => {
      const pointer = { x: event.clientX, y: event.clientY };
      const at = new DOMPoint(pointer.x, pointer.y).matrixTransform(panel.getScreenCTM().inverse());
      const inside = event.target.closest('.mark');
      const closest = inside?.querySelector('.tile') ? inside : shown().sort((a, b) => away(a, at) - away(b, at))[0];
      if (closest && (closest === inside || away(closest, at) < 12)) {
        sayMark(panel, closest, pointer);
      } else if (xs.length) {
        let best = 0;
        xs.forEach((x, i) => { if (Math.abs(x - at.x) < Math.abs(xs[best] - at.x)) best = i; });
        tell(panel, best, pointer);
      } else {
        hide(panel);
      }
    });
    panel.addEventListener('pointerleave', () => hide(panel));
    panel.addEventListener('blur', () => hide(panel));
    panel.addEventListener('keydown', (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      const there = shown();
      if (!step || !(xs.length || there.length)) return;
      event.preventDefault();
      if (!xs.length) { // from mark to mark
        const last = there.indexOf(panel.querySelector('.mark.on'));
        const next = there[last < 0 ? (step > 0 ? 0 : there.length - 1) : Math.max(0, Math.min(there.length - 1, last + step))];
        const end = points(next).at(-1);
        sayMark(panel, next, new DOMPoint(end.x, end.y).matrixTransform(panel.getScreenCTM()));
        return;
      }
      const next = Math.max(0, Math.min(xs.length - 1, Number(panel.dataset.index ?? -1) + step));
      const box = panel.getBoundingClientRect();
      const across = (xs[next] / panel.viewBox.baseVal.width) * box.width;
      tell(panel, next, { x: box.x + across, y: box.y + box.height / 3 });
    });
  };

  const wire = (root) => {
    all('table.sortable', root).forEach(wireSort);
    all('table.sortable', root).forEach(wireArrows);
    all('input[type=search]', root).forEach(wireFilter);
    all('.legend input', root).forEach(wireSwitch);
    all('svg.panel', root).forEach(wirePanel);
  };
  wire(document);
  document.addEventListener('fresh', (event) => wire(event.target)); // the dashboard replaces parts

  // Provenance of a cell, a figure or a section.
  const source = document.getElementById('provenance-data');
  if (!source) return;
  const data = JSON.parse(source.textContent);
  const dialog = document.getElementById('provenance-of');
  const filesOf = (reads) => {
    const files = new Map();
    for (const [streams, ranges] of reads) {
      for (const range of ranges ? ranges.split(', ') : []) {
        const [first, last] = range.split('-').map(Number);
        for (let run = first; run <= (last ?? first); run += 1) {
          if (!files.has(run)) files.set(run, new Set());
          for (const stream of streams) files.get(run).add(data.files[stream.split('/')[0]]);
        }
      }
    }
    return [...files].sort((a, b) => a[0] - b[0]);
  };
  const addRuns = (trace, body) => {
    const scroll = make('div', undefined, body);
    scroll.className = 'scroll';
    scroll.tabIndex = 0;
    const table = make('table', undefined, scroll);
    make('caption', 'Runs behind this number', table);
    const head = make('tr', undefined, make('thead', undefined, table));
    for (const title of ['run', 'value', 'file', 'steps', 'config', 'revision / code', 'uncommitted']) {
      make('th', title, head).scope = 'col';
    }
    const rows = make('tbody', undefined, table);
    const values = new Map(trace.values ?? []);
    for (const [number, files] of filesOf(trace.reads)) {
      const run = data.runs[number];
      const row = make('tr', undefined, rows);
      make('th', `${run.arm} seed ${run.seed}`, row).scope = 'row';
      const known = values.get(number);
      make('td', known === undefined ? '–' : String(Number(known.toPrecision(6))), row);
      make('td', `cells/${run.cell}/seed${run.seed}/${[...files].join(', ')}`, row);
      make('td', run.steps === undefined ? run.status : String(run.steps), row);
      make('td', run.cell, row);
      make('td', `${(run.revision ?? 'no revision').slice(0, 12)}/${(run.code ?? 'no hash').slice(0, 12)}`, row);
      make('td', run.dirty === null ? 'not recorded' : run.dirty.slice(0, 12) || 'nothing', row);
    }
  };
  const open = (name, text, trace) => {
    const body = dialog.querySelector('.body');
    const soft = (words) => { make('p', words, body).className = 'soft'; };
    body.replaceChildren();
    dialog.querySelector('h2').textContent = text ? `${name} = ${text}` : name;
    make('p', trace.formula, body);
    if (trace.rule) soft(`Decided together with others: ${trace.rule}.`);
    soft(`Read: ${trace.reads.map(([streams]) => streams.join(', ')).join('; ')}`);
    addRuns(trace, body);
    soft(`Trained with ${data.trained_with}. Report made with ${data.made_with}.`);
    soft(`On the command line: python -m analysis why ${data.study} "${name}"`);
    dialog.showModal();
  };
  document.addEventListener('click', (event) => {
    const button = event.target.closest('button');
    if (!button) return;
    const { figure, section, caption } = button.dataset;
    if (figure) open(`figure ${figure}`, '', data.figures[figure]);
    else if (section) open(section, '', data.sections[section]);
    else if (caption) open(`${caption}[caption]`, '', data.tables[caption].cells.find(([row]) => row === 'caption')[3]);
    else if (button.closest('tr[data-row]')) {
      const [row, cell] = [button.closest('tr'), button.closest('td, th')];
      const name = row.closest('table').id.replace(/^table-/, '');
      const { columns, cells } = data.tables[name];
      const [key, column] = [row.dataset.row, columns[cell.cellIndex]];
      const found = cells.find((one) => one[0] === key && one[1] === column);
      open(`${name}[${key},${column}]`, found[2], found[3]);
    }
  });
})();
