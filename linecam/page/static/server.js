// What the page asks of the server. A server that does not answer is asked again until it does: no answer is lost.

const FIRST_WAIT = 500, LONGEST_WAIT = 5000; // ms

/** The page is of a server that has ended, and another one answers at its address. */
export class Ended extends Error {}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function ask(name, options) {
  const response = await fetch(name, { cache: "no-store", signal: AbortSignal.timeout(20000), ...options });
  if (response.status === 403) throw new Ended();
  return { status: response.status, data: await response.json() };
}

/** GET once: {status, data}. Throws where nobody answers. */
export const get = (name) => ask(name, {});

/** POST until it is answered: {status, data}. `waiting(true)` is called where that takes several attempts. */
export async function post(name, body, waiting) {
  const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  for (let wait = FIRST_WAIT; ; wait = Math.min(2 * wait, LONGEST_WAIT)) {
    try {
      return await ask(name, options);
    } catch (error) {
      if (error instanceof Ended) throw error;
      waiting(true);
      await pause(wait);
    }
  }
}
