// The page asks for history and forecast whenever the server says that there is a new reading.
const shown = 168;
const height = 384;
const noise = 0.02;
const secondsBetweenReadings = 1;
const millisecondsToRetry = 2000;

const byId = id => document.getElementById(id);
const state = { channels: [], rows: [], firstRow: 0, forecast: null, chart: null, timer: 0, loading: false, again: false };

const color = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const number = value => value === null ? '–' : value.toFixed(1);

class Problem extends Error { }

async function ask(path, body) {
  const response = await fetch(path, body === undefined ? {} : { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  const answer = await response.json();
  if (!response.ok) {
    const fields = Object.entries(answer.errors ?? {}).map(([field, texts]) => `${field}: ${texts.join(' ')}`);
    throw new Problem([answer.detail, ...fields].filter(Boolean).join(' ') || answer.title || answer.status);
  }
  return answer;
}

async function refresh() {
  // One at a time: what comes in between is asked for once more at the end.
  if (state.loading) {
    state.again = true;
    return;
  }
  state.loading = true;
  try {
    do {
      state.again = false;
      const history = await ask(`history?last=${shown}`);
      if (state.channels.length === 0) {
        prepare(history);
      }
      const forecast = await ask('forecast', { horizon: Number(byId('horizon').value) });
      Object.assign(state, { rows: history.rows, firstRow: history.firstRow, forecast });
      draw();
    } while (state.again);
  } catch (error) {
    byId('status').textContent = `${error.message} Trying again …`;
    setTimeout(refresh, millisecondsToRetry);
  } finally {
    state.loading = false;
  }
}

function prepare({ channels, horizon }) {
  state.channels = channels;
  byId('channel').replaceChildren(...channels.map((name, i) => new Option(name, i)));
  byId('horizon').replaceChildren(...[...new Set([Math.ceil(horizon / 2), horizon, 2 * horizon])].map(steps => new Option(`${steps} steps`, steps, steps === horizon, steps === horizon)));
  byId('fields').replaceChildren(...channels.map(name => {
    const label = document.createElement('label');
    const input = Object.assign(document.createElement('input'), { type: 'number', step: 'any', required: true, name });
    label.append(name, input);
    return label;
  }));
}

// One x for each row; the forecast begins at the last reading, so that the lines meet.
function series() {
  const channel = Number(byId('channel').value);
  const { rows, firstRow, forecast } = state;
  const last = firstRow + rows.length - 1;
  const ends = forecast.row + forecast.forecast.length;
  const x = Array.from({ length: ends - firstRow + 1 }, (_, i) => firstRow + i);
  const values = x.map(row => row <= last ? rows[row - firstRow][channel] : null);
  const ahead = table => x.map(row => row > forecast.row ? table?.[row - forecast.row - 1][channel] ?? null : row === forecast.row && row <= last ? rows[row - firstRow][channel] : null);
  return [x, values, ahead(forecast.forecast), ahead(forecast.lower), ahead(forecast.upper)];
}

function draw() {
  const data = series();
  if (state.chart) {
    state.chart.setData(data);
  } else {
    state.chart = new uPlot(options(), data, byId('chart'));
  }
  describe();
}

function options() {
  const axis = { stroke: color('--muted'), grid: { stroke: color('--line'), width: 1 }, ticks: { stroke: color('--line'), width: 1 } };
  return {
    width: byId('chart').clientWidth,
    height,
    legend: { show: false },
    cursor: { points: { size: 7 } },
    scales: { x: { time: false } },
    axes: [{ ...axis, label: 'Row' }, { ...axis, size: 56 }],
    series: [
      {},
      { label: 'Readings', stroke: color('--history'), width: 2, points: { show: false } },
      { label: 'Forecast', stroke: color('--forecast'), width: 2, points: { show: false } },
      { label: 'Lower', stroke: 'transparent', points: { show: false } },
      { label: 'Upper', stroke: 'transparent', points: { show: false } },
    ],
    bands: [{ series: [4, 3], fill: color('--interval') }],
  };
}

// The same in words, for those who do not see the chart.
function describe() {
  const channel = Number(byId('channel').value);
  const { rows, forecast } = state;
  const name = state.channels[channel];
  const at = (table, step) => table ? table[step][channel] : null;
  const bounds = at(forecast.lower, 0) === null ? '' : `, between ${number(at(forecast.lower, 0))} and ${number(at(forecast.upper, 0))}`;
  const text = `Row ${forecast.row}: ${name} ${number(rows.at(-1)?.[channel] ?? null)}. Next: ${number(at(forecast.forecast, 0))}${bounds}.`;
  byId('status').textContent = text;
  byId('status').dataset.row = forecast.row;
  byId('chart').setAttribute('aria-label', `Chart of the last ${rows.length} readings of ${name} and the forecast of ${forecast.forecast.length} more. ${text}`);
  byId('model').textContent = forecast.model;
  byId('table').replaceChildren(...forecast.forecast.map((values, step) => {
    const line = document.createElement('tr');
    line.append(...[forecast.row + 1 + step, ...[forecast.lower, forecast.forecast, forecast.upper].map(table => number(at(table, step)))].map(text => Object.assign(document.createElement('td'), { textContent: text })));
    return line;
  }));
  // Not under the hands of somebody who is writing.
  if (!byId('fields').contains(document.activeElement)) {
    fields().forEach((input, i) => { input.value = forecast.forecast[0][i]?.toFixed(2) ?? ''; });
  }
}

const fields = () => [...byId('fields').querySelectorAll('input')];

async function send(values) {
  try {
    await ask('readings', { rows: [values] });
    byId('problem').textContent = '';
  } catch (error) {
    byId('problem').textContent = error.message;
    play(false);
  }
}

function play(on) {
  clearInterval(state.timer);
  if (on) {
    state.timer = setInterval(() => {
      // What the model expects, and a little that it does not.
      if (state.forecast) {
        send(state.forecast.forecast[0].map(value => value * (1 + noise * (2 * Math.random() - 1))));
      }
    }, 1000 * secondsBetweenReadings);
  }
  byId('play').setAttribute('aria-pressed', on);
  byId('play').textContent = on ? 'Stop sending' : 'Send one each second';
}

function redraw() {
  state.chart?.destroy();
  state.chart = null;
  if (state.forecast) {
    draw();
  }
}

byId('channel').addEventListener('change', redraw);
byId('horizon').addEventListener('change', refresh);
byId('play').addEventListener('click', () => play(byId('play').getAttribute('aria-pressed') !== 'true'));
byId('reading').addEventListener('submit', event => {
  event.preventDefault();
  document.activeElement?.blur?.();
  send(fields().map(input => Number(input.value)));
  event.submitter?.focus();
});
new ResizeObserver(() => state.chart?.setSize({ width: byId('chart').clientWidth, height })).observe(byId('chart'));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);

const events = new EventSource('events');
events.addEventListener('row', refresh);
// Also after a break: what was missed is in the history.
events.addEventListener('open', refresh);
refresh();
