// The looks of a diff's page.

extension DiffPage {
  static let style = """
    :root { color-scheme: light dark; --text: #1c2127; --dim: #5d6672; --page: #f6f7f9; --card: #fff; --line: #dfe3e8;
      --left: #b3392f; --right: #1f6fa8; --cost: #96690a; }
    .guestUser { --c: #2a7d4f; } .guestKernel { --c: #1f6fa8; } .monitor { --c: #8a3fa0; } .hostKernel { --c: #96690a; }
    .vmx { --c: #b3392f; } .vmkernel { --c: #0b7a80; } .device { --c: #66707c; }
    @media (prefers-color-scheme: dark) {
      :root { --text: #e3e7ec; --dim: #98a2ae; --page: #14171b; --card: #1c2127; --line: #323a44;
        --left: #f08279; --right: #67b4e8; --cost: #e0b04f; }
      .guestUser { --c: #5fc28d; } .guestKernel { --c: #67b4e8; } .monitor { --c: #cf8ee3; } .hostKernel { --c: #e0b04f; }
      .vmx { --c: #f08279; } .vmkernel { --c: #4fc4ca; } .device { --c: #a3adb9; } }
    body { margin: 2rem auto; max-width: 96rem; padding: 0 1rem 16rem; background: var(--page); color: var(--text);
      font: 15px/1.45 system-ui, sans-serif; }
    h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin: 0 0 .5rem; }
    section, details { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .8rem 1.2rem;
      margin: 0 0 1rem; }
    .note, .dim, footer { color: var(--dim); } .note { font-size: .9rem; }
    table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
    th { font-weight: 500; color: var(--dim); } th, td { padding: .2rem .8rem .2rem 0; text-align: right; }
    .totals th:first-child, .totals .meaning, .totals th:last-child { text-align: left; } .scroll { overflow-x: auto; }
    .totals th, .totals td:not(.meaning) { white-space: nowrap; }
    .totals .bars { width: 14rem; } .bars p { display: flex; margin: 0; line-height: .9rem; font-size: .8rem; gap: .3rem; }
    .bars span { width: .7rem; color: var(--dim); } .bars i { background: var(--c); height: .6rem; margin-top: .15rem; border-radius: 2px; }
    .bars p:last-child i { opacity: .6; } mark { background: none; color: var(--c); font-weight: 600; }
    .signs { display: flex; flex-wrap: wrap; gap: .4rem 2rem; list-style: none; padding: 0; margin: 0; }
    .left b, span.left { color: var(--left); } .right b, span.right { color: var(--right); } .cost b, span.cost { color: var(--cost); }
    .tools { display: flex; flex-wrap: wrap; gap: .8rem; align-items: center; margin: 0 0 1rem; }
    .tools button, input { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line);
      border-radius: 6px; padding: .25rem .7rem; }
    details { padding: .5rem 1.2rem; margin: 0 0 .5rem; } summary { cursor: pointer; } .counts { margin: 0 1rem; }
    .cycles { float: right; font-variant-numeric: tabular-nums; color: var(--dim); }
    .diagram { display: grid; grid-template-columns: 1fr 2rem 1fr; overflow-x: auto; margin: .6rem 0;
      font: 12px/18px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; position: relative; }
    .names { padding-bottom: .3rem; } .names strong { display: block; } .names > div { display: flex; }
    .names span { width: 62px; color: var(--c); font-weight: 600; }
    .half { position: relative; overflow: hidden; } .half svg { position: absolute; top: 0; left: 0; }
    .half path { fill: none; stroke: var(--dim); } .half path.hand { stroke: var(--text); stroke-width: 2.2; }
    #head path { fill: var(--text); }
    .lane { position: absolute; top: 0; bottom: 0; width: 0; border-left: 1px dotted var(--c); }
    .event { position: absolute; z-index: 1; height: 19px; padding: 0 .4rem; font: inherit; line-height: 16px; color: var(--text);
      background: color-mix(in srgb, var(--c) 16%, var(--card)); border: 1px solid var(--c); border-left-width: 4px;
      border-radius: 3px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; text-align: left; cursor: pointer; }
    .event.chosen, .event:focus-visible { outline: 2px solid var(--text); outline-offset: 0; z-index: 2; }
    .middle span { display: block; height: 27px; line-height: 31px; text-align: center; font-weight: 700; }
    .middle span.both { color: var(--dim); font-weight: 400; }
    .middle { position: relative; }
    .band { position: absolute; left: -100rem; right: -100rem; height: 27px; opacity: .13; pointer-events: none; }
    .band.left { background: var(--left); } .band.right { background: var(--right); } .band.cost { background: var(--cost); }
    #details { position: fixed; z-index: 3; left: 1rem; bottom: 1rem; max-width: calc(100vw - 4rem); max-height: 16rem;
      overflow: auto; background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .6rem 1rem;
      box-shadow: 0 4px 18px #0005; font-size: .9rem; }
    #details td, #details th { text-align: left; padding: 0 1rem 0 0; } #details .other { font-weight: 600; }
    [hidden] { display: none !important; }
    """
}
