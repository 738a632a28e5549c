// Server-sent events out of an answer's body: EventSource can send neither a key nor a document.

export async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    waiting += value;
    const whole = waiting.split(/\r?\n\r?\n/);
    waiting = whole.pop();
    for (const text of whole) {
      const event = read(text);
      if (event) yield event;
    }
  }
}

// One event; null for a heartbeat, which is a comment alone.
function read(text) {
  const event = { name: "message", data: [] };
  let said = false;
  for (const line of text.split(/\r?\n/)) {
    const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line);
    if (field === "event") event.name = value;
    if (field === "data") event.data.push(value);
    said ||= field === "event" || field === "data";
  }
  return said ? { name: event.name, data: event.data.join("\n") } : null;
}
