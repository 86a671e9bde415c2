"""Walks through the simulator with proxmoxer, as a hosting provider's script would. Usage: walk.py HOST:PORT SECRET. Prints a line a step."""

import sys
import time

import urllib3
from proxmoxer import ProxmoxAPI
from proxmoxer.core import ResourceException
from proxmoxer.tools import Tasks

urllib3.disable_warnings()
address, secret = sys.argv[1:3]
host, port = address.split(":")
pve = ProxmoxAPI(host, port=int(port), user="root@pam", token_name="sim", token_value=secret, verify_ssl=False)
node = pve.nodes("pve1")


def step(name):
    print(name, flush=True)


def done(upid):
    status = Tasks.blocking_status(pve, upid, timeout=60, polling_interval=0.05)
    assert status is not None and status["exitstatus"] == "OK", status
    assert Tasks.decode_upid(upid)["node"] == status["node"]
    return status


def refused(call, code, text):
    try:
        call()
    except ResourceException as fault:
        assert fault.status_code == code and text in str(fault), fault
        return
    raise AssertionError("not refused")


def until(fits, seconds=30):
    end = time.time() + seconds
    while not fits():
        assert time.time() < end, "did not come true"
        time.sleep(0.05)


step("the cluster")
assert pve.version.get()["release"] == "9.2"
assert {row["name"] for row in pve.cluster.status.get() if row["type"] == "node"} == {"pve1", "pve2", "pve3"}
assert node.time.get()["timezone"] == "UTC"
assert node.dns.get()["dns1"]
assert node.subscription.get()["status"] == "notfound"
assert len(node.services.get()) > 20
assert len(node.rrddata.get(timeframe="hour")) == 60
assert node.certificates.info.get()[0]["filename"] == "pve-root-ca.pem"

step("a VM from a template")
vmid = int(pve.cluster.nextid.get())
done(node.qemu(9000).clone.post(newid=vmid, name="web-1", full=1))
vm = node.qemu(vmid)
vm.config.put(cores=2, memory=2048, ciuser="ann", ipconfig0="ip=10.0.0.5/24,gw=10.0.0.1", tags="shop,web", description="first\nline")
done(vm.config.post(scsi1="local-lvm:8", onboot=1))
done(vm.resize.put(disk="scsi0", size="20G"))
config = vm.config.get()
assert config["tags"] == "shop;web" and config["cores"] == 2 and "size=20G" in config["scsi0"], config
refused(lambda: vm.config.put(cores=4, digest="0" * 40), 500, "checksum mismatch")
refused(lambda: vm.config.put(cores=0), 400, "Parameter verification failed")
refused(lambda: node.qemu(9000).clone.post(newid=vmid), 500, "already exists")

step("its power")
done(vm.status.start.post())
assert vm.status.current.get()["status"] == "running"
assert any(row["key"] == "memory" and "pending" not in row for row in vm.pending.get())
done(vm.status.reset.post())
done(vm.status.suspend.post())
assert vm.status.current.get()["qmpstatus"] == "paused"
done(vm.status.resume.post())
done(vm.status.reboot.post())
until(lambda: vm.status.current.get()["status"] == "running")
done(vm.migrate.post(target="pve2", online=1, **{"with-local-disks": 1}))
vm = pve.nodes("pve2").qemu(vmid)
assert vm.status.current.get()["status"] == "running"
done(vm.status.shutdown.post(timeout=30, forceStop=1))

step("snapshots")
done(vm.snapshot.post(snapname="before", description="before the change"))
done(vm.snapshot.post(snapname="after"))
assert {row["name"] for row in vm.snapshot.get()} == {"before", "after", "current"}
done(vm.snapshot("before").rollback.post())
done(vm.snapshot("after").delete())
done(vm.snapshot("before").delete())

step("backups")
other = pve.nodes("pve2")
done(other.vzdump.post(vmid=vmid, storage="local", mode="stop", compress="zstd", **{"notes-template": "{{guestname}}"}))
archive = other.storage("local").content.get(content="backup", vmid=vmid)[0]
assert archive["notes"] == "web-1", archive
assert "name: web-1" in other.vzdump.extractconfig.get(volume=archive["volid"])
done(other.qemu.post(vmid=vmid + 1, archive=archive["volid"], unique=1, storage="local-lvm"))
assert other.qemu(vmid + 1).config.get()["net0"] != vm.config.get()["net0"]
pve.cluster.backup.post(id="nightly", schedule="02:30", storage="local", vmid=str(vmid))
assert pve.cluster.backup("nightly").get()["vmid"] == str(vmid)
other.storage("local").content(archive["volid"]).delete()

step("a template of its own")
done(other.qemu(vmid + 1).template.post())
assert other.qemu(vmid + 1).config.get()["template"] == 1
done(other.qemu(vmid + 1).clone.post(newid=vmid + 2, full=0))
done(other.qemu(vmid + 2).delete(purge=1))
done(other.qemu(vmid + 1).delete(purge=1, **{"destroy-unreferenced-disks": 1}))

step("pools")
pve.pools.post(poolid="customer-7", comment="seven")
pve.pools.put(poolid="customer-7", vms=str(vmid))
assert pve.pools("customer-7").get()["members"][0]["vmid"] == vmid
refused(lambda: pve.pools("customer-7").delete(), 500, "is not empty")

step("users, roles and rights")
pve.access.groups.post(groupid="staff", comment="who helps")
pve.access.users.post(userid="ann@pve", groups="staff", firstname="Ann", lastname="Example", email="ann@example.org")
pve.access.roles.post(roleid="Helper", privs="VM.Audit,VM.PowerMgmt")
pve.access.acl.put(path=f"/vms/{vmid}", groups="staff", roles="Helper")
token = pve.access.users("ann@pve").token("t1").post(privsep=0)
helper = ProxmoxAPI(host, port=int(port), user="ann@pve", token_name="t1", token_value=token["value"], verify_ssl=False)
assert helper.nodes("pve2").qemu(vmid).status.current.get()["vmid"] == vmid
assert [row["vmid"] for row in helper.cluster.resources.get(type="vm")] == [vmid]
refused(lambda: helper.nodes("pve2").qemu(vmid).config.put(cores=1), 403, "Permission check failed")
pve.access.users("ann@pve").delete()
pve.access.groups("staff").delete()
pve.access.roles("Helper").delete()

step("the firewall")
firewall = vm.firewall
firewall.options.put(enable=1, policy_in="DROP")
firewall.ipset.post(name="office")
firewall.ipset("office").post(cidr="192.0.2.0/24")
firewall.rules.post(type="in", action="ACCEPT", proto="tcp", dport="22", source="+office", enable=1)
firewall.rules.post(type="in", action="DROP", comment="first")
assert [rule["pos"] for rule in firewall.rules.get()] == [0, 1]
assert firewall.rules(0).get()["comment"] == "first"
firewall.rules(0).delete()
firewall.ipset("office")("192.0.2.0/24").delete()

step("high availability")
pve.cluster.ha.resources.post(sid=f"vm:{vmid}", state="started")
until(lambda: vm.status.current.get()["status"] == "running")
assert pve.cluster.ha.resources(f"vm:{vmid}").get()["type"] == "vm"
refused(lambda: vm.status.stop.post(**{"overrule-shutdown": 1}), 400, "Parameter verification failed")
done(vm.status.stop.post())
until(lambda: vm.status.current.get()["status"] == "stopped")

step("its end")
refused(lambda: vm.delete(), 500, "used in HA resources")
done(vm.delete(purge=1))
refused(lambda: vm.config.get(), 500, "does not exist")
pve.pools("customer-7").delete()
print("walked to the end")
