// The menu of a visitor in a narrow window: sign in, register.
import { Menu } from '@base-ui/react/menu'
import { useNavigate } from '@tanstack/react-router'
import { useMessages } from '../i18n/messages'
import type { Opened } from '../ui/MenuButton'
import { MENU_ITEM, OpenedMenu } from '../ui/OpenedMenu'

/** `then`: the page to which the user returns. */
export function VisitorMenu({ opened, then }: { opened: Opened; then: { then?: string } }) {
  const { menu } = useMessages()
  const navigate = useNavigate()
  return (
    <OpenedMenu opened={opened}>
      <Menu.Item className={MENU_ITEM} onClick={() => void navigate({ to: '/sign-in', search: then })}>
        {menu.signIn}
      </Menu.Item>
      <Menu.Item className={MENU_ITEM} onClick={() => void navigate({ to: '/register', search: then })}>
        {menu.register}
      </Menu.Item>
    </OpenedMenu>
  )
}
