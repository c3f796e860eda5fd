// Lets one request through at a time. A button is drawn as disabled only after the first click was handled, so the
// second click of a double click would send a form again.

export class Gate {
  #isShut = false

  /** Begins a request, which `through` must follow. `false`: an earlier request has not ended. */
  enter(): boolean {
    if (this.#isShut) return false
    this.#isShut = true
    return true
  }

  /** Sends the request, then opens the gate, even if the request failed. */
  async through<Data>(send: () => Promise<Data>): Promise<Data> {
    try {
      return await send()
    } finally {
      this.#isShut = false
    }
  }
}
