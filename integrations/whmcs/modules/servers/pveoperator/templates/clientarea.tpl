{* The client area: state, addresses, progress, reverse DNS, backups, snapshots, a new installation. Variables: lib/CustomerPage.php *}
<div class="pveoperator">
  <p><strong>{$state|escape}</strong></p>
  {if $progress !== null}
    <div class="progress"><div class="progress-bar" role="progressbar" style="width: {$progress}%">{$progress}%</div></div>
    <p><small>{$step|escape}</small></p>
  {/if}
  {if $mayRestart}<p>A change takes effect when your server is switched off and on again.</p>{/if}
  <table class="table table-striped">
    <tbody>
      {if $hostname}<tr><th>Host name</th><td colspan="2">{$hostname|escape}</td></tr>{/if}
      {foreach $addresses as $address}
        <tr>
          <th>Address</th>
          <td>{$address.address|escape}{if $address.gateway}<br><small>gateway {$address.gateway|escape}</small>{/if}</td>
          <td>
            {if $maySetPtr}
              <form method="post" action="clientarea.php?action=productdetails">
                <input type="hidden" name="id" value="{$serviceid|escape}">
                <input type="hidden" name="modop" value="custom">
                <input type="hidden" name="a" value="customerptr">
                <input type="hidden" name="token" value="{$token|escape}">
                <input type="hidden" name="pveaddress" value="{$address.name|escape}">
                <label>Reverse DNS <input type="text" name="pveptr" value="{$address.ptr|escape}" placeholder="{$hostname|escape}"></label>
                <button type="submit" class="btn btn-default">Save</button>
              </form>
            {elseif $address.ptr}{$address.ptr|escape}{/if}
          </td>
        </tr>
      {/foreach}
      {if $backups}<tr><th>Backups</th><td colspan="2">{$backups|escape}</td></tr>{/if}
      {foreach $snapshots as $snapshot}<tr><th>Snapshot</th><td>{$snapshot.name|escape}</td><td>{$snapshot.taken|escape}</td></tr>{/foreach}
    </tbody>
  </table>
  {if $templates && $hostname}
    <h4>Install again</h4>
    <p>All data on all disks is deleted. Your addresses stay. You get a new password.</p>
    <form method="post" action="clientarea.php?action=productdetails">
      <input type="hidden" name="id" value="{$serviceid|escape}">
      <input type="hidden" name="modop" value="custom">
      <input type="hidden" name="a" value="customerreinstall">
      <input type="hidden" name="token" value="{$token|escape}">
      <input type="hidden" name="pverequest" value="{$request|escape}">
      <select name="pvetemplate">{foreach $templates as $template}<option>{$template|escape}</option>{/foreach}</select>
      <label>Type {$hostname|escape} to confirm <input type="text" name="pveconfirm" autocomplete="off"></label>
      <button type="submit" class="btn btn-danger">Delete all data and install</button>
    </form>
  {/if}
</div>
