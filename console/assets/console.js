// Keeps the page current: fetches it again when the console has something new, and replaces the
// parts that are marked with data-live.
//
// One tab holds the stream of events and tells the others, since a browser opens only six
// connections to a host.
'use strict';

const status = document.getElementById('live');
const pause = document.getElementById('pause');
const channel = new BroadcastChannel('waybill-console');
let paused = false;
let fetching = false;

function say(text, tone) {
  if (status.textContent !== text) {
    status.textContent = text;
    status.className = tone;
  }
}

// Whether a person has the focus or a selection in it.
function isInUse(part) {
  const selection = document.getSelection();
  return part.contains(document.activeElement) ||
    (!selection.isCollapsed && part.contains(selection.anchorNode));
}

async function refresh() {
  if (paused || fetching || document.hidden || !document.querySelector('[data-live]')) {
    return;
  }
  fetching = true;
  try {
    const answer = await fetch(location.href, { cache: 'no-store' });
    if (answer.status === 401) {
      say('Signed out: open the link that make up prints', 'bad');
      return;
    }
    const next = new DOMParser().parseFromString(await answer.text(), 'text/html');
    for (const part of document.querySelectorAll('[data-live]')) {
      const fresh = next.getElementById(part.id);
      if (fresh && !isInUse(part)) {
        part.replaceChildren(...fresh.childNodes);
      }
    }
    say('Live', '');
  } catch {
    say('Not connected; trying again', 'bad');
  } finally {
    fetching = false;
  }
}

function follow() {
  const source = new EventSource('/live');
  source.addEventListener('tick', () => {
    channel.postMessage('tick');
    refresh();
  });
  source.addEventListener('error', () => {
    channel.postMessage('lost');
    say('Not connected; trying again', 'bad');
    if (source.readyState === EventSource.CLOSED) {
      setTimeout(follow, 5000);
    }
  });
}

channel.addEventListener('message', (event) => {
  if (event.data === 'tick') {
    refresh();
  } else if (!paused) {
    say('Not connected; trying again', 'bad');
  }
});

document.addEventListener('visibilitychange', refresh);

pause.hidden = !document.querySelector('[data-live]');
pause.addEventListener('click', () => {
  paused = !paused;
  pause.textContent = paused ? 'Resume' : 'Pause';
  if (paused) {
    say('Paused', '');
  } else {
    refresh();
  }
});

// The tab that gets the lock keeps it until it is closed; then another one gets it.
navigator.locks.request('waybill-console', () => new Promise(follow));
