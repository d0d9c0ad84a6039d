// Follows the cloud: an event stream says that something has changed, then the
// state is asked for and shown. See pageState in page_state.go for its form.
import { Picture } from "./picture.js";
import { showSections } from "./tables.js";

const byID = id => document.getElementById(id);
const grace = 4000;    // ms without the cloud before the page says so
const silence = 16000; // ms without an event after which the stream counts as broken
const maxNews = 12;

const pictures = new Map();
let first = true, busy = false, again = false;
let heard = Date.now(), source = null, retry = 0;

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function setState(text, tone) {
  const state = byID("state");
  if (state.textContent !== text) state.textContent = text;
  state.className = tone;
}

let lost = 0;
function alive() {
  clearTimeout(lost);
  lost = 0;
  setState("live", "good");
}
function missing() {
  if (!lost) lost = setTimeout(() => setState("no answer, trying again", "bad"), grace);
}

function showNumbers(numbers) {
  byID("numbers").replaceChildren(...numbers.map(n => {
    const item = element("li");
    item.append(element("b", n.value), " ", element("span", n.what), " ", element("small", n.note ?? ""));
    return item;
  }));
}

function showPictures(models) {
  const wanted = new Set(models.map(m => m.id));
  for (const [id, picture] of pictures) {
    if (!wanted.has(id)) { picture.remove(); pictures.delete(id); }
  }
  for (const model of models) {
    if (!pictures.has(model.id)) pictures.set(model.id, new Picture(byID("pictures"), byID("legend")));
    pictures.get(model.id).update(model, !first);
  }
  byID("pictures").hidden = models.length === 0;
}

function tell(news) {
  if (news.length === 0) return;
  const now = new Date(), list = byID("news");
  for (const text of news) {
    const item = element("li"), time = element("time", now.toLocaleTimeString());
    time.dateTime = now.toISOString();
    item.append(time, element("span", text));
    list.prepend(item);
  }
  while (list.children.length > maxNews) list.lastChild.remove();
  byID("quiet").hidden = true;
}

function show(state) {
  byID("stage").hidden = false;
  showNumbers(state.numbers ?? []);
  showPictures(state.pictures ?? []);
  tell(showSections(state.sections ?? [], byID("wide"), byID("aside"), !first));
  document.documentElement.dataset.revision = state.revision;
  first = false;
}

// refresh asks for the state, one request at a time: a slow reader sees fewer
// steps, never old ones.
async function refresh() {
  if (document.hidden && !first) { again = true; return; }
  if (busy) { again = true; return; }
  busy = true;
  try {
    do {
      again = false;
      const answer = await fetch("/simulator/state", { cache: "no-store" });
      if (!answer.ok) throw new Error(`the state: ${answer.status}`);
      show(await answer.json());
      alive();
    } while (again);
  } catch (problem) {
    console.warn(problem);
    missing();
  } finally {
    busy = false;
  }
}

// listen opens the stream. A browser opens it again by itself after a broken
// connection, but not after an answer that is no stream.
function listen() {
  clearTimeout(retry);
  source?.close();
  heard = Date.now();
  source = new EventSource("/simulator/events");
  source.addEventListener("change", () => { heard = Date.now(); refresh(); });
  source.addEventListener("error", () => {
    missing();
    if (source.readyState === EventSource.CLOSED) retry = setTimeout(listen, 2000);
  });
}

document.addEventListener("visibilitychange", () => { if (!document.hidden && again) refresh(); });
setInterval(() => { if (Date.now() - heard > silence) { missing(); listen(); } }, 5000);
refresh();
listen();
