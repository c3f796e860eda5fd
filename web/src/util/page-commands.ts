// What the page that is shown offers in the command palette, such as Run.

export interface PageCommand {
  id: string
  text: string
  act: () => void
}

let offered: readonly PageCommand[] = []

export const pageCommands = (): readonly PageCommand[] => offered

/** Offers commands until the returned function is called. */
export function offerCommands(commands: readonly PageCommand[]): () => void {
  offered = commands
  return () => {
    if (offered === commands) offered = []
  }
}
