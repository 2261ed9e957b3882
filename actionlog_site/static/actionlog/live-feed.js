// The live feed: listens on the WebSocket for what changed, and asks the server for the rows of it.
//
// The socket only says which rows changed; how a row looks is told by one template, on the server. Requests are few
// and bounded: one at a time, at most two a second, for at most as many rows as the list shows.

import { tellTimes } from "./page.js";

const ROWS_SHOWN = 40;
const ROWS_PAUSE = 500;
const FIGURES_PAUSE = 2_000;
const SILENCE = 45_000;
const SIGNED_OUT = 4401;
const NEVER_OPENED = 1006;
const HOLD = 8_000;
const RETRY_FIRST = 500;
const RETRY_LAST = 15_000;

class LiveFeed {
  constructor(panel) {
    this.panel = panel;
    this.body = panel.querySelector("[data-feed-body]");
    this.state = panel.querySelector("[data-feed-state]");
    this.pauseButton = panel.querySelector("[data-feed-pause]");
    this.cursor = this.shownCursor();
    // Ids of rows that changed and are not shown yet, the newest last.
    this.waiting = new Map();
    this.retry = RETRY_FIRST;
    this.paused = false;
    this.pointedAt = false;
    this.busy = false;

    this.pauseButton.hidden = false;
    this.pauseButton.addEventListener("click", () => this.setPaused(!this.paused));
    this.body.addEventListener("pointermove", (event) => this.pointed(event));
    this.body.addEventListener("pointerleave", () => this.setPointedAt(false));
    this.body.addEventListener("focusin", () => this.setPointedAt(true));
    this.body.addEventListener("focusout", () => this.setPointedAt(false));
    document.addEventListener("visibilitychange", () => this.showWaiting());
    window.addEventListener("online", () => this.connectNow());
    window.addEventListener("pagehide", () => this.leave());
    this.connect();
  }

  get list() {
    return this.body.querySelector("ol");
  }

  shownCursor() {
    return Number(this.list.dataset.cursor);
  }

  // The connection

  connect() {
    this.tell("connecting", "connecting…");
    const socket = new WebSocket(location.origin.replace(/^http/, "ws") + this.panel.dataset.socket);
    this.socket = socket;
    socket.addEventListener("open", () => {
      const { environment } = this.panel.dataset;
      socket.send(JSON.stringify({ type: "subscribe", after: this.cursor, filters: environment ? { environment } : {} }));
      this.tell("live", "live");
      this.showWaiting();
      this.watch();
    });
    socket.addEventListener("message", ({ data }) => socket === this.socket && this.take(JSON.parse(data)));
    socket.addEventListener("close", ({ code }) => socket === this.socket && this.closed(code));
  }

  connectNow() {
    if (!this.retryTimer) return;
    clearTimeout(this.retryTimer);
    this.retryTimer = null;
    this.connect();
  }

  closed(code) {
    // Signed out, or no longer allowed: the page itself leads to the sign-in.
    if (code === SIGNED_OUT) location.reload();
    else this.reconnect();
    // A refusal before the connection is open has no code of its own; the rows' address tells the same.
    if (code === NEVER_OPENED) this.fetchHtml(this.panel.dataset.rows);
  }

  reconnect() {
    clearTimeout(this.watchdog);
    this.tell("broken", "reconnecting…");
    // Spread, so that a restarted server is not met by all browsers at once.
    this.retryTimer = setTimeout(() => this.connectNow(), this.retry * (0.5 + Math.random()));
    this.retry = Math.min(this.retry * 2, RETRY_LAST);
  }

  /** A connection that is silent for longer than the server's heartbeats is dead, though nobody said so. */
  watch() {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => {
      const silent = this.socket;
      this.socket = null;
      silent.close();
      this.reconnect();
    }, SILENCE);
  }

  leave() {
    const socket = this.socket;
    this.socket = null;
    clearTimeout(this.watchdog);
    clearTimeout(this.retryTimer);
    socket?.close();
  }

  take(message) {
    this.watch();
    this.retry = RETRY_FIRST;
    if (message.type === "changes") {
      this.cursor = message.cursor;
      // A resolution attempt changes with its attempts and goes below them.
      for (const { resolution_id: id } of message.resolutions) this.await(id);
      for (const { attempt_id: id } of message.attempts) this.await(id);
      this.showWaiting();
      this.announce();
    } else if (message.type === "heartbeat") {
      this.cursor = message.cursor;
    } else if (message.type === "reset") {
      this.cursor = message.cursor;
      this.reload();
    } else if (message.type === "error") {
      this.tell("broken", message.error.message);
    }
  }

  // The rows

  await(id) {
    this.waiting.delete(id);
    this.waiting.set(id, true);
    // What would fall off the list at once need not be kept.
    if (this.waiting.size > ROWS_SHOWN) this.waiting.delete(this.waiting.keys().next().value);
  }

  async showWaiting() {
    this.tellHeld();
    if (this.busy || this.isHeld() || !this.waiting.size || document.hidden || this.connection.state !== "live") return;
    const ids = [...this.waiting.keys()].reverse();
    this.waiting.clear();
    this.tellHeld();
    await this.alone(async () => {
      const address = `${this.panel.dataset.rows}?${new URLSearchParams(ids.map((id) => ["id", id]))}`;
      const html = await this.fetchHtml(address);
      if (html === null) {
        for (const id of ids.reverse()) if (!this.waiting.has(id)) this.waiting.set(id, true);
        return;
      }
      const template = document.createElement("template");
      template.innerHTML = html;
      const rows = [...template.content.children];
      tellTimes(template.content);
      for (const row of rows) {
        document.getElementById(row.id)?.remove();
        row.classList.add("fresh");
      }
      this.list.prepend(...rows);
      while (this.list.children.length > ROWS_SHOWN) this.list.lastElementChild.remove();
      if (rows.length) this.body.querySelector(".empty")?.remove();
    });
  }

  /** Begin anew with the fragment the page came with: the server no longer knows what we missed. */
  async reload() {
    this.waiting.clear();
    await this.alone(async () => {
      const html = await this.fetchHtml(this.panel.dataset.fragment);
      if (html === null) return;
      this.body.innerHTML = html;
      tellTimes(this.body);
    });
    this.announce();
  }

  /** One request at a time, and a pause after each. */
  async alone(work) {
    while (this.busy) await this.busy;
    this.busy = (async () => {
      await work();
      await new Promise((resolve) => setTimeout(resolve, ROWS_PAUSE));
    })();
    await this.busy;
    this.busy = false;
    this.showWaiting();
  }

  /** The fragment's HTML, or null when it could not be had (now). */
  async fetchHtml(address) {
    try {
      const response = await fetch(address, { headers: { Accept: "text/html" } });
      if (response.redirected) location.reload();
      return response.ok && !response.redirected ? await response.text() : null;
    } catch {
      return null;
    }
  }

  // What the reader is told, and tells

  /** Tell the page that figures changed: not more often than they can be read, and never forgetting the last change. */
  announce() {
    this.announceTimer ??= setTimeout(() => {
      this.announceTimer = null;
      document.body.dispatchEvent(new CustomEvent("changes-arrived"));
    }, FIGURES_PAUSE);
  }

  isHeld() {
    return this.paused || this.pointedAt;
  }

  setPaused(paused) {
    this.paused = paused;
    this.pauseButton.setAttribute("aria-pressed", String(paused));
    this.pauseButton.textContent = paused ? "Go on" : "Pause";
    this.showWaiting();
  }

  /** Rows that are pointed at stand still, but a mouse left lying there must not stop the feed for the day. */
  pointed({ pointerType, screenX, screenY }) {
    const moved = screenX !== this.pointedX || screenY !== this.pointedY;
    [this.pointedX, this.pointedY] = [screenX, screenY];
    if (pointerType === "mouse" && moved) this.setPointedAt(true);
  }

  setPointedAt(pointedAt) {
    clearTimeout(this.holdTimer);
    if (pointedAt) this.holdTimer = setTimeout(() => this.setPointedAt(false), HOLD);
    this.pointedAt = pointedAt;
    this.showWaiting();
  }

  tell(state, text) {
    this.connection = { state, text };
    this.tellHeld();
  }

  tellHeld() {
    const count = this.waiting.size >= ROWS_SHOWN ? `${ROWS_SHOWN} or more` : this.waiting.size;
    let { state, text } = this.connection;
    if (state === "live" && this.paused) [state, text] = ["held", "paused"];
    else if (state === "live" && this.pointedAt) [state, text] = ["held", "held while you point at it"];
    if (state === "held" && this.waiting.size) text += `, ${count} waiting`;
    if (this.state.textContent === text && this.state.dataset.state === state) return;
    this.state.dataset.state = state;
    this.state.textContent = text;
  }
}

for (const panel of document.querySelectorAll("[data-live-feed]")) new LiveFeed(panel);
