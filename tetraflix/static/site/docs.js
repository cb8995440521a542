// The calls of /tetraflix/docs: Swagger UI with samples of each call, the key that it needs, and its own answers first.
"use strict";

const place = document.getElementById("swagger-ui");
const LANGUAGES = ["curl", "Python", "JavaScript"];
const KEYS = { distributorKey: "distributor’s key", serviceKey: "service’s key" };
// errors that a call has only because it needs a key, has a body or uses a store
const COMMON = new Set(["401", "403", "411", "413", "415", "429", "503"]);

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const paint = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", paint);
paint();

// The language that is chosen for one call holds for all.
const language = {
  chosen: LANGUAGES[0],
  subscribers: new Set(),
  choose(name) {
    this.chosen = name;
    for (const tell of this.subscribers) tell(name);
  },
};

const neededKey = (security) => {
  const ways = security ? security.toJS() : [];
  if (!ways.length) return "no key";
  if (ways.some((way) => !Object.keys(way).length)) return "key optional";
  return ways.length > 1 ? "any key" : KEYS[Object.keys(ways[0])[0]];
};

const tetraflix = ({ React }) => {
  const h = React.createElement;

  const Samples = ({ id, samples }) => {
    const [chosen, show] = React.useState(language.chosen);
    React.useEffect(() => {
      language.subscribers.add(show);
      return () => language.subscribers.delete(show);
    }, []);
    const source = samples.find((sample) => sample.lang === chosen).source;
    return h("div", { className: "samples" },
      h("div", { className: "languages", role: "group", "aria-label": "Language of the sample" },
        LANGUAGES.map((name) => h("button", {
          key: name, type: "button", "aria-pressed": name === chosen, onClick: () => language.choose(name),
        }, name)),
        h("button", { type: "button", className: "copy", "data-copy": `#sample-${id}` }, "Copy")),
      h("pre", { id: `sample-${id}`, tabIndex: 0 },
        h("code", null, source.replaceAll(place.dataset.sampleBase, window.location.origin))));
  };

  const CommonErrors = ({ responses }) => h("details", { className: "common" },
    h("summary", null, "Errors of many calls: ", responses.keySeq().join(", ")),
    h("dl", null, responses.entrySeq().map(([status, response]) => h(React.Fragment, { key: status },
      h("dt", null, status),
      h("dd", null, response.get("description").replaceAll("`", ""),
        h("code", null, JSON.stringify(response.getIn(
          ["content", "application/json", "examples", "Example", "value"])))))).toArray()));

  const Calls = ({ getComponent, specSelectors }) => {
    const part = (name, bound) => h(getComponent(name, bound));
    if (!specSelectors.specStr()) return h("p", { role: "status" }, "The calls are loading.");
    return h("div", { className: "swagger-ui" },
      part("SvgAssets"), part("errors", true),
      h("div", { className: "authorize" }, part("AuthorizeBtnContainer", true)),
      part("operations", true));
  };

  return {
    components: {
      Calls,
      // the label of each call says which key it needs, in words instead of an open or a closed lock
      authorizeOperationBtn: () => null,
      CopyToClipboardBtn: () => null,
      OperationSummaryPath: ({ operationProps }) => {
        const key = neededKey(operationProps.get("security"));
        const parts = operationProps.get("path").split(/(?=\/)/g);
        return h(React.Fragment, null,
          h("span", { className: "opblock-summary-path" }, parts.map((text) => h(React.Fragment, { key: text }, h("wbr"), text))),
          h("span", { className: key.includes("’") || key === "any key" ? "key needed" : "key" }, key));
      },
    },
    wrapComponents: {
      parameters: (Original, system) => (props) => {
        const [path, method] = props.pathMethod;
        const operation = system.specSelectors.specJson().getIn(["paths", path, method]);
        const samples = operation.get("x-codeSamples").toJS();
        return h(React.Fragment, null,
          h(Samples, { id: operation.get("operationId"), samples }), h(Original, props));
      },
      responses: (Original) => (props) => {
        const isCommon = (response, status) => COMMON.has(status);
        const common = props.responses.filter(isCommon);
        return h(React.Fragment, null,
          h(Original, { ...props, responses: props.responses.filterNot(isCommon) }),
          common.size ? h(CommonErrors, { responses: common }) : null);
      },
    },
  };
};

const ui = window.SwaggerUIBundle({
  url: place.dataset.schema,
  dom_id: "#swagger-ui",
  presets: [window.SwaggerUIBundle.presets.apis],
  plugins: [tetraflix],
  layout: "Calls",
  deepLinking: true,
  displayRequestDuration: true,
  syntaxHighlight: false,
});

// Swagger UI leaves these without a name, and long examples out of reach of the keyboard.
const complete = () => {
  for (const field of place.querySelectorAll("tr[data-param-name] :is(input, select, textarea)")) {
    field.setAttribute("aria-label", field.closest("tr").dataset.paramName);
  }
  for (const field of place.querySelectorAll(".examples-select-element")) field.setAttribute("aria-label", "Example");
  for (const field of place.querySelectorAll(".body-param__text")) field.setAttribute("aria-label", "Body");
  for (const text of place.querySelectorAll("pre:not([tabindex])")) text.tabIndex = 0;
  for (const table of place.querySelectorAll(".responses-table[role]")) table.removeAttribute("role");
};
new MutationObserver(complete).observe(place, { childList: true, subtree: true });

// Links to calls, in the contents of the page, open them.
window.addEventListener("hashchange", () => {
  const { hash } = window.location;
  if (hash.startsWith("#/")) ui.layoutActions.parseDeepLinkHash(decodeURIComponent(hash));
});
