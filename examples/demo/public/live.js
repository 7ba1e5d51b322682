// Keeps the panels up to date and ticks the countdowns. The page works without it.

const pollInterval = 1000
const announcedSeconds = [60, 30, 10]

const announcer = document.querySelector('#announcer')
const notice = document.querySelector('#notice')
const status = document.querySelector('#live-status')

/** The server's clock minus the browser's. */
let clockDifference = 0
let lastSecondsLeft = Number.POSITIVE_INFINITY

async function poll() {
  const response = await fetch('/live', { signal: AbortSignal.timeout(5000) })
  const { state, now, panels } = await response.json()
  clockDifference = now - Date.now()
  for (const [id, html] of Object.entries(panels)) {
    const panel = document.getElementById(id)
    if (panel !== null) update(panel, html)
  }
  if (document.body.dataset.state === 'live' && state !== 'live') tellEnd()
}

/** Replaces a panel or, where its parts are the same ones, only those that changed, and marks them. */
function update(panel, html) {
  const template = document.createElement('template')
  template.innerHTML = html
  const [before, after] = [panel, template.content].map((root) => [
    ...root.querySelectorAll('[data-live]'),
  ])
  const names = (parts) => parts.map((part) => part.dataset.live).join()
  if (names(before) === '' || names(before) !== names(after)) {
    panel.replaceChildren(template.content)
    return
  }
  for (const [index, part] of after.entries()) {
    if (part.innerHTML === before[index].innerHTML) continue
    before[index].replaceWith(part)
    part.classList.add('changed')
  }
}

function tick() {
  const ends = [...document.querySelectorAll('[data-ends-at]')]
  const left = ends.map((end) => Number(end.dataset.endsAt) - Date.now() - clockDifference)
  for (const [index, end] of ends.entries()) {
    const seconds = Math.max(0, Math.ceil(left[index] / 1000))
    if (seconds >= 3600) continue
    const text = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
    if (end.textContent !== text) end.textContent = text
  }
  announce(Math.ceil(Math.min(...left) / 1000))
}

/** A few moments only: a screen reader that reads every second is of no use. */
function announce(seconds) {
  const passed = announcedSeconds.find((one) => seconds <= one && lastSecondsLeft > one)
  if (passed !== undefined && Number.isFinite(lastSecondsLeft)) {
    announcer.textContent = `The session ends in ${seconds} seconds.`
  }
  lastSecondsLeft = seconds
}

function tellEnd() {
  document.body.dataset.state = 'ended'
  notice.textContent =
    'This session has just ended on the server. This page does not know yet: whatever you click next finds you logged out.'
  notice.hidden = false
  announcer.textContent = notice.textContent
}

async function run() {
  if (document.hidden) return
  try {
    await poll()
    status.textContent = '(live)'
  } catch {
    status.textContent = '(the server does not answer)'
  }
}

if (status !== null) {
  setInterval(run, pollInterval)
  setInterval(tick, 200)
  document.addEventListener('visibilitychange', run)
  void run()
}

// A status that is there when the page is loaded is not read out; one that appears is.
setTimeout(() => {
  const messages = [...document.querySelectorAll('.flash:not([hidden])')]
  announcer.textContent = messages.map((message) => message.textContent).join(' ')
}, 300)
