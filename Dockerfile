# One image for the three services; what a container runs is told by its command:
#   gateway (default), node dist/apps/affiliation/src/main.js, node dist/apps/payment/src/main.js

FROM node:20-bookworm-slim AS base
WORKDIR /app

# Everything, the compiler's native parts among the optional packages included. Read from the lock file alone, so that a
# change of the sources uses this layer again.
FROM base AS packages
COPY package.json package-lock.json .npmrc ./
RUN npm ci

# What runs: no development packages, and none of the optional ones, which are PostgreSQL for `npm start`. Made apart
# from the build, because a layer that depends on no source is stored and sent once.
FROM packages AS production-packages
RUN npm prune --omit=dev --omit=optional

FROM packages AS build
COPY . .
# Compiles all services and libraries, whichever one it is asked for.
RUN npx nest build gateway
# The payer's pages: scripts, styles and fonts.
RUN node apps/gateway/build-assets.mjs

FROM base
ENV NODE_ENV=production
COPY --from=production-packages /app/node_modules node_modules
COPY --from=build /app/package.json ./
COPY --from=build /app/dist dist
# All files belong to root: the services can change none of them, and write no others.
USER node
EXPOSE 8080
CMD ["node", "dist/apps/gateway/src/main.js"]
