// The element that xterm.js uses instead of `<style>`. The content security policy forbids style elements, but permits
// constructed style sheets. `vite.config.ts` replaces the element's name in xterm.js.

class TerminalStyle extends HTMLElement {
  private readonly rules = new CSSStyleSheet()

  override set textContent(text: string) {
    this.rules.replaceSync(text)
  }

  override get textContent(): string {
    return ''
  }

  connectedCallback(): void {
    document.adoptedStyleSheets.push(this.rules)
  }

  disconnectedCallback(): void {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => sheet !== this.rules)
  }
}

export function defineTerminalStyle(): void {
  if (customElements.get('terminal-style') === undefined) customElements.define('terminal-style', TerminalStyle)
}
