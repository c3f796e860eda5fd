// The texts of a search field on their way to the URL.
//
// The URL changes some time after the field has sent a text, and the user may have typed on meanwhile. Only a text that the field has not
// sent, for example after Back, replaces the text in the field.
export class SentTexts {
  #sent: string[] = []

  /** Whether a text is on its way. */
  get isWaiting(): boolean {
    return this.#sent.length > 0
  }

  /** The field sends a text. */
  add(text: string): void {
    this.#sent.push(text)
  }

  /** Called when the URL has a new text. Returns whether the field has sent it. Texts that were sent before it do not arrive any more. */
  takes(text: string): boolean {
    const at = this.#sent.lastIndexOf(text)
    this.#sent = at < 0 ? [] : this.#sent.slice(at + 1)
    return at >= 0
  }
}
