{* Shown when the API server cannot be asked; the reason is in the module log. *}
<p>The state of your server cannot be shown right now. This does not affect your server. Please try again in a few minutes.</p>
