// The bench page: stations, their instruments, the faults of each, and what the centre says of them. Everything it knows it asks for again
// each second; nothing is kept here but the language and what is being filled in.

const WORDS = {
  bench: ["bench", "试验台"],
  operator: ["operator's page", "值班页面"],
  other: ["中文", "English"],
  world: ["world time", "仿真时间"],
  whole: ["Whole station", "整个站点"],
  cable: ["cable", "线缆"],
  s: ["s", "秒"],
  min: ["min", "分钟"],
  h: ["h", "小时"],
  fault: ["fault", "故障"],
  magnitude: ["magnitude", "大小"],
  minutes: ["for, min", "持续(分)"],
  until_off: ["until off", "直到关闭"],
  on: ["Switch on", "开启"],
  off: ["Switch off", "关闭"],
  since: ["on for", "已持续"],
  planned: ["begins in", "距开始"],
  ends: ["ends in", "距结束"],
  nothing: ["no fault in force", "无故障"],
  refused: ["could not be carried out:", "无法执行:"],
  quiet: ["no alarm", "无报警"],
  returned: ["returned", "已恢复"],
  not_up: ["starting …", "启动中……"],
  no_value: ["no value yet", "尚无数值"],
  missing: ["missing", "缺测"],
  away: ["The bench does not answer. Is the demo still running?", "试验台没有应答,演示程序还在运行吗?"],
  no_centre: ["The centre does not answer; values and alarms stand still.", "中心没有应答,数值与报警停止更新。"],
};
const FLAGS = { 1: ["good", "正常"], 2: ["not tested", "未检验"], 3: ["suspect", "可疑"], 4: ["bad", "错误"], 9: ["missing", "缺测"] };
const EVERY_MS = 1000;

let language = localStorage.getItem("bench-language") ?? (navigator.language.startsWith("zh") ? "zh" : "en");
let catalogue = {};
let bench = null;
const centre = { stations: {}, alarms: [] };
const rows = new Map();

const pick = (both) => both[language === "zh" ? 1 : 0];
const word = (key) => pick(WORDS[key]);
const both = (text) => text?.[language] ?? text?.en ?? "";

function make(tag, props = {}, ...children) {
  const element = Object.assign(document.createElement(tag), props);
  element.append(...children);
  return element;
}

// A fault by its name in English, by what it does in Chinese.
const called = (name) => (language === "zh" ? both(catalogue[name].what) : name.replaceAll("_", " "));
const UNITS = { degC: "°C", degree: "°", uatm: "µatm", 1: "" };
const unitOf = (unit) => UNITS[unit] ?? unit;

function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 120) return `${s} ${word("s")}`;
  if (s < 7200) return `${Math.round(s / 60)} ${word("min")}`;
  return `${(s / 3600).toFixed(1)} ${word("h")}`;
}

async function ask(path, body) {
  const answer = await fetch(path, body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.error);
  return found;
}

function tell(text) {
  const place = document.getElementById("trouble");
  place.textContent = text;
  place.hidden = !text;
}

// One line of a station: the station itself, or an instrument with its cable. Built once, so that what is being filled in stays.
class Row {
  constructor(station, target, names, title, about) {
    Object.assign(this, { station, target });
    const order = Object.keys(catalogue);
    names.sort((a, b) => order.indexOf(a) - order.indexOf(b));
    this.values = make("div", { className: "readings" });
    this.alarms = make("ul", { className: "alarms" });
    this.faults = make("ul", { className: "faults" });
    this.select = make("select", { name: "fault", ariaLabel: word("fault") }, ...names.map((name) => make("option", { value: name, textContent: called(name) })));
    this.magnitude = make("input", { name: "magnitude", type: "number", step: "any", ariaLabel: word("magnitude"), title: word("magnitude") });
    this.minutes = make("input", { name: "minutes", type: "number", min: "0", step: "any", ariaLabel: word("minutes"), placeholder: word("until_off"), title: word("minutes") });
    this.unit = make("span", { className: "small" });
    this.what = make("span", { className: "small what" });
    const form = make("form", {}, this.select, this.magnitude, this.unit, this.minutes, make("span", { className: "small", textContent: word("min") }), make("button", { textContent: word("on") }), this.what);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.on();
    });
    this.select.addEventListener("change", () => this.choose());
    const name = make("div", {}, make("div", { className: "name", textContent: title }), make("div", { className: "small", textContent: about }));
    this.element = make("div", { className: "row" }, name, this.values, make("div", {}, this.alarms), make("div", {}, this.faults, form));
    this.element.dataset.station = station;
    this.element.dataset.target = target.instrument ?? "";
    this.choose();
  }

  choose() {
    const about = catalogue[this.select.value];
    Object.assign(this.magnitude, { min: about.least, max: about.most, value: about.magnitude });
    this.magnitude.title = `${word("magnitude")}: ${about.least} … ${about.most}`;
    const counts = about.unit.en !== "-";
    this.magnitude.hidden = this.unit.hidden = !counts;
    this.unit.textContent = both(about.unit);
    this.what.textContent = both(about.what);
  }

  async on() {
    const fault = this.select.value;
    const { instrument, link } = this.target;
    const where = catalogue[fault].scope === "link" ? { link } : { instrument };
    const wish = { station: this.station, ...where, fault };
    if (!this.magnitude.hidden && this.magnitude.value !== "") wish.magnitude = Number(this.magnitude.value);
    if (this.minutes.value !== "") wish.minutes = Number(this.minutes.value);
    await act("on", wish);
  }

  show(faults, newest, alarms) {
    this.element.classList.toggle("disturbed", faults.some((fault) => fault.state === "on"));
    this.faults.replaceChildren(...(faults.length ? faults.map((fault) => this.fault(fault)) : [make("li", { className: "small", textContent: word("nothing") })]));
    this.alarms.replaceChildren(...(alarms.length ? alarms.map(alarmLine) : [make("li", { className: "small", textContent: word("quiet") })]));
    if (newest) this.values.replaceChildren(newest.length ? table(newest) : make("span", { className: "small", textContent: word("no_value") }));
  }

  fault(fault) {
    const { unit } = catalogue[fault.fault];
    const size = unit.en === "-" ? "" : ` ${fault.magnitude} ${both(unit)}`;
    const planned = fault.state === "planned";
    const time = planned ? `${word("planned")} ${span(fault.begin_ms - bench.now_ms)}` : `${word("since")} ${span(bench.now_ms - fault.begin_ms)}`;
    const end = fault.end_ms === null || planned ? "" : `, ${word("ends")} ${span(fault.end_ms - bench.now_ms)}`;
    const off = make("button", { type: "button", textContent: word("off") });
    const { row, fault: name, begin_ms, instrument, link } = fault; // what was shown, so that no other fault is hit that has the number by now
    off.addEventListener("click", () => act("off", { station: this.station, row, fault: name, begin_ms, instrument, link }));
    const line = make("li", {}, make("strong", { textContent: called(fault.fault) + size }), make("span", { className: "small figures", textContent: time + end }), off);
    line.dataset.fault = fault.fault;
    if (fault.refused) line.append(make("span", { className: "refused", textContent: `${word("refused")} ${fault.refused}` }));
    return line;
  }
}

function table(newest) {
  const lines = newest.map(({ about, point }) => {
    const shown = point.value === null ? word("missing") : typeof point.value === "number" ? String(Number(point.value.toPrecision(5))) : String(point.value);
    const unit = point.value === null ? "" : ` ${unitOf(about.unit)}`;
    const flag = make("td", { className: `flag-${point.flag}`, textContent: pick(FLAGS[point.flag] ?? ["", ""]) });
    const age = make("td", { className: "small number", textContent: span(bench.now_ms - point.t) });
    return make("tr", {}, make("td", { className: "small", textContent: both(about.label) }), make("td", { className: "number", textContent: shown + unit }), flag, age);
  });
  return make("table", { className: "values" }, make("tbody", {}, ...lines));
}

function alarmLine(alarm) {
  const gone = alarm.condition === "active" ? "" : ` (${word("returned")})`;
  const line = make("span", { className: `alarm ${alarm.condition}`, textContent: both(alarm.title) + gone, title: both(alarm.message) });
  line.dataset.rule = alarm.rule;
  return make("li", {}, line, " ", make("span", { className: "small figures", textContent: span(bench.now_ms - alarm.raised_ms) }));
}

async function act(path, wish) {
  try {
    await ask(path, wish);
    tell("");
    await look();
  } catch (error) {
    tell(error.message);
  }
}

function build() {
  rows.clear();
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = word(element.dataset.word);
  document.getElementById("language").textContent = word("other");
  document.getElementById("operator").href = bench.page;
  document.getElementById("stations").replaceChildren(...bench.stations.map(card));
}

function card(station) {
  const made = [];
  const add = (target, names, title, about) => {
    const row = new Row(station.id, target, names, title, about);
    rows.set(`${station.id}/${target.instrument ?? ""}`, row);
    made.push(row.element);
  };
  if (station.ready) {
    add({}, station.station_faults, word("whole"), station.id);
    for (const one of station.instruments) add({ instrument: one.id, link: one.link }, [...one.faults, ...station.link_faults], one.id, `${both(one.title)}, ${word("cable")} ${one.link}`);
  }
  const head = make("div", { className: "head" }, make("h2", { textContent: both(station.name) }), make("span", { className: "small", textContent: station.ready ? "" : word("not_up") }));
  return make("section", { className: "card" }, head, ...made);
}

// An alarm belongs to the instrument that its key or its series names, else to the whole station.
function ownerOf(alarm, station, series) {
  if (alarm.series && series[alarm.series]?.instrument) return series[alarm.series].instrument;
  const parts = alarm.key.split(/[/:|\s]+/);
  return station.instruments.find((one) => parts.includes(one.id))?.id ?? "";
}

function draw() {
  document.getElementById("clock").textContent = `${word("world")} ${new Date(bench.now_ms).toISOString().slice(0, 19).replace("T", " ")} UTC, ${Number(bench.speed.toPrecision(3))}×`;
  for (const station of bench.stations.filter((one) => one.ready)) {
    const detail = centre.stations[station.id];
    const series = detail?.birth?.series ?? {};
    const alarms = centre.alarms.filter((alarm) => alarm.station === station.id);
    for (const row of rows.values()) {
      if (row.station !== station.id) continue;
      const { instrument, link } = row.target;
      const faults = station.faults.filter((fault) => (fault.link ? fault.link === link : fault.instrument === instrument));
      const newest = instrument && Object.entries(detail?.newest ?? {}).filter(([name]) => series[name]?.instrument === instrument).map(([name, point]) => ({ about: series[name], point }));
      row.show(faults, newest, alarms.filter((alarm) => ownerOf(alarm, station, series) === (instrument ?? "")));
    }
  }
}

async function look() {
  const before = bench?.stations.map((one) => one.ready).join();
  bench = await ask("bench.json");
  if (bench.stations.map((one) => one.ready).join() !== before) build();
  draw();
}

async function turn() {
  try {
    await look();
    try {
      centre.alarms = (await ask("centre/alarms")).alarms;
      for (const station of bench.stations) centre.stations[station.id] = await ask(`centre/stations/${station.id}`).catch(() => centre.stations[station.id]);
      if ([word("away"), word("no_centre")].includes(document.getElementById("trouble").textContent)) tell("");
      draw();
    } catch {
      tell(word("no_centre"));
    }
  } catch {
    tell(word("away"));
  }
  setTimeout(turn, EVERY_MS);
}

document.getElementById("language").addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  localStorage.setItem("bench-language", language);
  build();
  draw();
});
catalogue = await ask("catalogue.json");
turn();
