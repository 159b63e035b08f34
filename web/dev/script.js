// The dev sink's page: lists what was caught and shows one message. Whatever a
// message holds is shown as text, or as HTML inside a frame that may do nothing.
"use strict";

const $ = (id) => document.getElementById(id);
const POLL_MS = 1000;
let key = new URLSearchParams(location.hash.slice(1)).get("key") ||
  sessionStorage.getItem("key") || "";
let messages = [];
let chosen = null;
let view = null;

function api(method) {
  return fetch("v1/dev/messages" + (method === "GET" ? "?limit=100" : ""), {
    method,
    headers: { Authorization: "Bearer " + key },
  });
}

function element(name, className, text) {
  const e = document.createElement(name);
  if (className) e.className = className;
  e.textContent = text;
  return e;
}

function lock(isLocked) {
  $("unlock").hidden = !isLocked;
  $("main").hidden = isLocked;
  if (isLocked) $("key").focus();
}

function row(m) {
  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("aria-current", String(chosen === m.seq));
  const at = new Date(m.at);
  const time = element("time", "", at.toLocaleTimeString());
  time.dateTime = m.at;
  button.append(
    element("span", "title", m.title || m.body || "(no title)"), time,
    element("span", "to", m.to || m.user || m.url),
    element("span", "channel", m.channel));
  button.addEventListener("click", () => { chosen = m.seq; view = null; draw(); });
  const item = document.createElement("li");
  item.append(button);
  return item;
}

// Scripts, forms, plug-ins and the network are all refused in there.
function htmlFrame(html) {
  const frame = document.createElement("iframe");
  frame.setAttribute("sandbox", "");
  frame.title = "HTML of the message";
  frame.srcdoc = "<meta http-equiv=\"Content-Security-Policy\" content=\"" +
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:\">" + html;
  return frame;
}

function views(m) {
  const all = [];
  if (m.html) all.push(["HTML", () => htmlFrame(m.html)]);
  if (m.body || !m.html) all.push(["Text", () => element("pre", "", m.body)]);
  all.push(["Request", () => element("pre", "",
    m.method + " " + m.url + "\n" + m.headers + "\n" + m.raw)]);
  return all;
}

function drawMessage(m) {
  $("message").hidden = !m;
  if (!m) return;
  $("title").textContent = m.title || "(no title)";
  const facts = [["To", m.to || m.user], ["From", m.from], ["Channel", m.channel],
    ["Provider", m.provider + " (" + m.driver + ")"], ["At", m.at],
    ["Notification", m.notification_id], ["Delivery", m.delivery_id]];
  $("facts").replaceChildren(...facts.filter(([, v]) => v).flatMap(
    ([name, value]) => [element("dt", "", name), element("dd", "", value)]));
  const all = views(m);
  const shown = all.find(([name]) => name === view) || all[0];
  $("tabs").replaceChildren(...all.map(([name]) => {
    const tab = element("button", "", name);
    tab.type = "button";
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-selected", String(name === shown[0]));
    tab.addEventListener("click", () => { view = name; draw(); });
    return tab;
  }));
  $("view").replaceChildren(shown[1]());
}

let drawn = "";
function draw() {
  const now = JSON.stringify([messages.map((m) => m.seq), chosen, view]);
  if (now === drawn) return; // a frame that is redrawn loses its place
  drawn = now;
  $("list").replaceChildren(...messages.map(row));
  $("empty").hidden = messages.length > 0;
  drawMessage(messages.find((m) => m.seq === chosen));
}

async function poll() {
  try {
    const answer = key ? await api("GET") : null;
    if (!answer || answer.status === 401 || answer.status === 403) {
      lock(true);
      $("state").textContent = answer ? "this key does not open it" : "";
      return;
    }
    lock(false);
    sessionStorage.setItem("key", key);
    messages = (await answer.json()).data;
    $("state").textContent = messages.length === 1 ? "1 message"
      : messages.length + " messages";
    draw();
  } catch {
    $("state").textContent = "the server does not answer";
  }
  setTimeout(poll, POLL_MS);
}

$("unlock").addEventListener("submit", (event) => {
  event.preventDefault();
  key = $("key").value.trim();
  poll();
});
$("clear").addEventListener("click", async () => {
  await api("DELETE");
  messages = [];
  chosen = null;
  draw();
});
if (location.hash) history.replaceState(null, "", location.pathname);
poll();
