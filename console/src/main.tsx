import './global.css'
import { QueryClientProvider } from '@tanstack/react-query'
import { BaseStyles } from '@primer/react'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { RouterProvider } from 'react-router/dom'
import { queryClient } from './api/query-client'
import { applyTheme } from './preferences'
import { router } from './routes'

applyTheme()

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <BaseStyles>
        <RouterProvider router={router} />
      </BaseStyles>
    </QueryClientProvider>
  </StrictMode>,
)
