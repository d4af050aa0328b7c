/** The script of pages with a lane diagram: moves the cursor by mouse and keyboard, and shows the state there. It inserts text only as text. */

/** Steps that Shift and an arrow key move. */
const LONG_MOVE = 10

export const SCRIPT: string = `
'use strict';
(() => {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId('data').textContent);
  const last = data.x.length - 1;
  const scroll = byId('scroll'), cursor = byId('cursor'), slider = byId('slider'), now = byId('now'), events = byId('events');
  const minor = byId('minor'), flag = byId('flag');
  const rows = [...events.children];
  const cards = new Map([...document.querySelectorAll('.card')].map((card) => [Number(card.dataset.lane), card]));
  const drawn = new Map();
  for (const each of document.querySelectorAll('#diagram [data-step]')) {
    const step = Number(each.dataset.step);
    if (!drawn.has(step)) drawn.set(step, []);
    drawn.get(step).push(each);
  }
  let at = data.start, shown = -1;

  const isHidden = (step) => minor !== null && !minor.checked && data.minor[step] === 1;
  const clamp = (step) => Math.max(0, Math.min(last, step));

  /** The latest state of each lane up to a step. */
  function statesAt(step) {
    const states = new Map();
    for (let each = 0; each <= step; each++) for (const [lane, state] of data.states[each] || []) states.set(lane, state);
    return states;
  }

  function fillCard(lane, card, state, changed) {
    const badge = card.querySelector('.badge'), values = card.querySelectorAll('.value'), cells = card.querySelector('.cells');
    const [name, texts, log] = state === undefined ? ['', [], []] : data.table[state];
    badge.textContent = name;
    badge.className = 'badge ' + name.split(' ')[0];
    const before = changed === undefined ? undefined : data.table[changed];
    values.forEach((value, offset) => {
      const text = texts[offset] ?? '', beginning = value.parentElement.querySelector('.beginning');
      for (const each of beginning === null ? [value] : [value, beginning]) {
        each.textContent = typeof text === 'number' ? data.texts[text] : text;
        each.classList.toggle('changed', before !== undefined && before[1][offset] !== texts[offset]);
      }
    });
    cells.replaceChildren(...log.map(([text, kind]) => {
      const cell = document.createElement('li');
      cell.textContent = text;
      cell.className = kind;
      return cell;
    }));
    card.classList.toggle('here', lane === data.lane[at]);
  }

  function show(step, isFollowed = true) {
    at = clamp(step);
    for (const each of [...(drawn.get(shown) || []), ...(rows[shown] ? [rows[shown]] : [])]) each.classList.remove('now');
    for (const each of [...(drawn.get(at) || []), rows[at]]) each.classList.add('now');
    shown = at;
    cursor.setAttribute('transform', 'translate(' + data.x[at] + ' 0)');
    const [grip, time] = flag.children, half = Math.max(30, data.when[at].length * 3.6 + 6);
    time.textContent = data.when[at];
    grip.setAttribute('x', String(-half));
    grip.setAttribute('width', String(2 * half));
    flag.setAttribute('transform', 'translate(' + Math.max(0, half - data.x[at]) + ' 0)');
    slider.value = String(at);
    slider.setAttribute('aria-valuetext', rows[at].textContent);
    const cells = [...rows[at].children].map((cell) => cell.textContent);
    const where = document.createElement('b');
    where.textContent = cells[0] + ' ' + cells[1];
    now.replaceChildren(where, ' ' + cells[2]);
    const states = statesAt(at), before = at === 0 ? new Map() : statesAt(at - 1);
    for (const [lane, card] of cards) fillCard(lane, card, states.get(lane), before.get(lane));
    rows[at].parentElement.scrollTop = rows[at].offsetTop - events.clientHeight / 2;
    if (!isFollowed) return;
    const x = data.x[at], margin = scroll.clientWidth / 5;
    if (x < scroll.scrollLeft + margin || x > scroll.scrollLeft + scroll.clientWidth - margin) scroll.scrollLeft = x - scroll.clientWidth / 2;
  }

  /** Moves over steps that are shown; with sameLane, over those of the current lane. */
  function move(count, sameLane = false) {
    const way = Math.sign(count);
    let step = at;
    for (let left = Math.abs(count); left > 0; left--) {
      let next = step + way;
      while (next >= 0 && next <= last && (isHidden(next) || (sameLane && data.lane[next] !== data.lane[at]))) next += way;
      if (next < 0 || next > last) break;
      step = next;
    }
    show(step);
  }

  /** The step nearest to a point of the diagram, preferably in the lane there. */
  function stepAt(x, y) {
    let best = at, least = Infinity;
    for (let step = 0; step <= last; step++) {
      if (isHidden(step)) continue;
      const [top, height] = data.lanes[data.lane[step]];
      const distance = Math.abs(data.x[step] - x) + (y >= top && y < top + height ? 0 : 12);
      if (distance < least) { least = distance; best = step; }
    }
    return best;
  }

  function pointed(event) {
    const box = byId('diagram').getBoundingClientRect();
    const arrow = event.type === 'pointerdown' ? event.target.closest('[data-step]') : null;
    show(arrow === null ? stepAt(event.clientX - box.left, event.clientY - box.top) : Number(arrow.dataset.step), false);
  }

  scroll.addEventListener('pointerdown', (event) => { if (event.button === 0) pointed(event); });
  scroll.addEventListener('pointermove', (event) => { if (event.buttons === 1 && event.pointerType === 'mouse') pointed(event); });
  slider.addEventListener('input', () => show(Number(slider.value)));
  events.addEventListener('click', (event) => {
    const row = event.target.closest('li');
    if (row !== null) show(rows.indexOf(row));
  });
  /** The same part of all cards, so that the reader can compare them. */
  const folds = [...document.querySelectorAll('.fold')];
  for (const fold of folds) fold.querySelector('summary').addEventListener('click', () => {
    for (const other of folds) if (other !== fold) other.open = !fold.open;
  });
  if (minor !== null) minor.addEventListener('change', () => { document.body.classList.toggle('no-minor', !minor.checked); show(at); });

  const actions = {
    ArrowLeft: (event) => move(event.shiftKey ? -${LONG_MOVE} : -1),
    ArrowRight: (event) => move(event.shiftKey ? ${LONG_MOVE} : 1),
    Home: () => show(0),
    End: () => show(last),
    p: () => move(-1, true),
    n: () => move(1, true),
    f: () => show(data.start),
    h: () => { if (minor !== null) minor.click(); },
  };
  for (const button of document.querySelectorAll('button[data-go]')) button.addEventListener('click', () => show(Number(button.dataset.go)));
  for (const button of document.querySelectorAll('button[data-key]'))
    button.addEventListener('click', (event) => actions[button.dataset.key](event));
  document.addEventListener('keydown', (event) => {
    const action = Object.hasOwn(actions, event.key) ? actions[event.key] : undefined;
    if (action === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action(event);
  });
  show(at, false);
  scroll.scrollLeft = data.x[at] - scroll.clientWidth / 2;
})();
`
