// Walks through the simulator with go-proxmox, as a hosting provider's program would. Usage: walk HOST:PORT SECRET. Prints a line a step.
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/luthermonson/go-proxmox"
)

var ctx = context.Background()

func main() {
	address, secret := os.Args[1], os.Args[2]
	http := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	client := proxmox.NewClient("https://"+address+"/api2/json",
		proxmox.WithHTTPClient(http), proxmox.WithAPIToken("root@pam!sim", secret))
	readCluster(client)
	vm := makeVM(client)
	vm = power(client, vm)
	snapshots(vm)
	backups(client, vm)
	template(client, vm)
	pools(client, vm)
	users(client, vm)
	firewall(client, vm)
	end(client, vm)
	fmt.Println("walked to the end")
}

func step(name string) { fmt.Println(name) }

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func ensure(fits bool, what ...any) {
	if !fits {
		panic(fmt.Sprint(what...))
	}
}

// done waits for a task and wants it to end well.
func done(task *proxmox.Task, err error) {
	must(err)
	must(task.Wait(ctx, 50*time.Millisecond, time.Minute))
	ensure(task.IsSuccessful, task.UPID, " ended ", task.ExitStatus)
}

func readCluster(client *proxmox.Client) {
	step("the cluster")
	version, err := client.Version(ctx)
	must(err)
	ensure(version.Release == "9.2", version)
	nodes, err := client.Nodes(ctx)
	must(err)
	ensure(len(nodes) == 3, nodes)
	cluster, err := client.Cluster(ctx)
	must(err)
	ensure(cluster.Quorate == 1, cluster)
	resources, err := cluster.Resources(ctx, "vm")
	must(err)
	ensure(len(resources) == 4, resources)
	node, err := client.Node(ctx, "pve1")
	must(err)
	_, err = node.Time(ctx)
	must(err)
	_, err = node.Subscription(ctx)
	must(err)
	services, err := node.Services(ctx)
	must(err)
	ensure(len(services) > 20, services)
	certificates, err := node.GetCustomCertificates(ctx)
	must(err)
	ensure(len(*certificates) == 2, certificates)
	storages, err := node.Storages(ctx)
	must(err)
	ensure(len(storages) == 3, storages)
}

func find(client *proxmox.Client, name string, vmid int) *proxmox.VirtualMachine {
	node, err := client.Node(ctx, name)
	must(err)
	vm, err := node.VirtualMachine(ctx, vmid)
	must(err)
	return vm
}

func makeVM(client *proxmox.Client) *proxmox.VirtualMachine {
	step("a VM from a template")
	newid, task, err := find(client, "pve1", 9000).Clone(ctx, &proxmox.VirtualMachineCloneOptions{Name: "web-1", Full: true})
	done(task, err)
	vm := find(client, "pve1", newid)
	done(vm.Config(ctx,
		proxmox.VirtualMachineOption{Name: "cores", Value: 2},
		proxmox.VirtualMachineOption{Name: "memory", Value: 2048},
		proxmox.VirtualMachineOption{Name: "scsi1", Value: "local-lvm:8"},
		proxmox.VirtualMachineOption{Name: "ipconfig0", Value: "ip=10.0.0.5/24,gw=10.0.0.1"}))
	done(vm.ResizeDisk(ctx, "scsi0", "20G"))
	done(vm.AddTag(ctx, "shop"))
	vm = find(client, "pve1", newid)
	ensure(*vm.VirtualMachineConfig.Cores == 2 && vm.HasTag("shop"), vm.VirtualMachineConfig)
	ensure(strings.Contains(vm.VirtualMachineConfig.SCSIs["scsi0"], "size=20G"), vm.VirtualMachineConfig.SCSIs)
	return vm
}

func power(client *proxmox.Client, vm *proxmox.VirtualMachine) *proxmox.VirtualMachine {
	step("its power")
	id := int(vm.VMID)
	done(vm.Start(ctx))
	must(vm.Ping(ctx))
	ensure(vm.IsRunning(), vm.Status)
	must(vm.WaitForAgent(ctx, 30))
	interfaces, err := vm.AgentGetNetworkIFaces(ctx)
	must(err)
	ensure(len(interfaces) > 0 && interfaces[0].IPAddresses[0].IPAddress == "10.0.0.5", interfaces)
	done(vm.Reset(ctx))
	done(vm.Pause(ctx))
	must(vm.Ping(ctx))
	ensure(vm.IsPaused(), vm.QMPStatus)
	done(vm.Resume(ctx))
	done(vm.Reboot(ctx))
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		must(vm.Ping(ctx))
		if vm.IsRunning() {
			break
		}
		ensure(time.Now().Before(end), "does not come up again")
	}
	vnc, err := vm.VNCProxy(ctx, &proxmox.VNCConfig{Websocket: true, GeneratePassword: true})
	must(err)
	ensure(vnc.Password != "" && vnc.Ticket != "", vnc)
	done(vm.Migrate(ctx, &proxmox.VirtualMachineMigrateOptions{Target: "pve2", Online: true, WithLocalDisks: true}))
	vm = find(client, "pve2", id)
	done(vm.Shutdown(ctx))
	must(vm.Ping(ctx))
	ensure(vm.IsStopped(), vm.Status)
	return vm
}

func snapshots(vm *proxmox.VirtualMachine) {
	step("snapshots")
	done(vm.NewSnapshot(ctx, "before"))
	list, err := vm.Snapshots(ctx)
	must(err)
	ensure(len(list) == 2, list)
	done(vm.Snapshot("before").Rollback(ctx))
	done(vm.Snapshot("before").Delete(ctx))
}

func backups(client *proxmox.Client, vm *proxmox.VirtualMachine) {
	step("backups")
	node, err := client.Node(ctx, "pve2")
	must(err)
	done(node.Vzdump(ctx, &proxmox.VirtualMachineBackupOptions{VMID: uint64(vm.VMID), Storage: "local", Mode: "stop", Compress: "zstd"}))
	storage, err := node.Storage(ctx, "local")
	must(err)
	content, err := storage.GetContent(ctx)
	must(err)
	ensure(len(content) == 1, content)
	config, err := node.VzdumpExtractConfig(ctx, content[0].Volid)
	must(err)
	ensure(config.Cores == 2 && config.Memory == 2048, config)
	done(node.NewVirtualMachine(ctx, int(vm.VMID)+1,
		proxmox.VirtualMachineOption{Name: "archive", Value: content[0].Volid},
		proxmox.VirtualMachineOption{Name: "unique", Value: 1}))
	done(storage.DeleteContent(ctx, content[0].Volid))
}

func template(client *proxmox.Client, vm *proxmox.VirtualMachine) {
	step("a template of its own")
	own := find(client, "pve2", int(vm.VMID)+1)
	done(own.ConvertToTemplate(ctx))
	newid, task, err := own.Clone(ctx, &proxmox.VirtualMachineCloneOptions{NewID: int(vm.VMID) + 2})
	done(task, err)
	done(find(client, "pve2", newid).Delete(ctx, &proxmox.VirtualMachineDeleteOptions{Purge: true}))
	done(find(client, "pve2", int(own.VMID)).Delete(ctx, &proxmox.VirtualMachineDeleteOptions{Purge: true, DestroyUnreferencedDisks: true}))
}

func pools(client *proxmox.Client, vm *proxmox.VirtualMachine) {
	step("pools")
	must(client.NewPool(ctx, "customer-7", "seven"))
	pool, err := client.Pool(ctx, "customer-7")
	must(err)
	id := fmt.Sprint(vm.VMID)
	must(pool.Update(ctx, &proxmox.PoolUpdateOption{VirtualMachines: id}))
	pool, err = client.Pool(ctx, "customer-7")
	must(err)
	ensure(len(pool.Members) == 1, pool.Members)
	must(pool.Update(ctx, &proxmox.PoolUpdateOption{VirtualMachines: id, Delete: true}))
	must(pool.Delete(ctx))
}

func users(client *proxmox.Client, vm *proxmox.VirtualMachine) {
	step("users, roles and rights")
	must(client.NewGroup(ctx, "staff", "who helps"))
	must(client.NewUser(ctx, &proxmox.NewUser{UserID: "ann@pve", Enable: true, Firstname: "Ann", Groups: proxmox.CSV{"staff"}}))
	must(client.NewRole(ctx, "Helper", "VM.Audit,VM.PowerMgmt"))
	must(client.UpdateACL(ctx, proxmox.ACLOptions{Path: fmt.Sprintf("/vms/%d", vm.VMID), Groups: "staff", Roles: "Helper", Propagate: true}))
	acl, err := client.ACL(ctx)
	must(err)
	ensure(len(acl) == 1, acl)
	user, err := client.User(ctx, "ann@pve")
	must(err)
	token, err := user.NewAPIToken(ctx, proxmox.Token{TokenID: "t1"})
	must(err)
	ensure(token.Value != "", token)
	must(user.Delete(ctx))
	group, err := client.Group(ctx, "staff")
	must(err)
	must(group.Delete(ctx))
}

func firewall(client *proxmox.Client, vm *proxmox.VirtualMachine) {
	step("the firewall")
	must(vm.FirewallOptionSet(ctx, &proxmox.FirewallVirtualMachineOption{Enable: true, PolicyIn: "DROP"}))
	// FirewallOptionGet of v0.8.2 decodes into a nil pointer and returns that.
	var options proxmox.FirewallVirtualMachineOption
	must(client.Get(ctx, fmt.Sprintf("/nodes/%s/qemu/%d/firewall/options", vm.Node, vm.VMID), &options))
	ensure(bool(options.Enable), options)
	must(vm.NewFirewallIPSet(ctx, proxmox.FirewallIPSetCreationOption{Name: "office"}))
	must(vm.NewFirewallIPSetEntry(ctx, "office", proxmox.FirewallIPSetEntryCreationOption{CIDR: "192.0.2.0/24"}))
	entries, err := vm.GetFirewallIPSetEntries(ctx, "office")
	must(err)
	ensure(len(entries) == 1, entries)
	must(vm.NewFirewallRule(ctx, &proxmox.FirewallRule{Type: "in", Action: "ACCEPT", Proto: "tcp", Dport: "22", Enable: 1}))
	rules, err := vm.FirewallRules(ctx)
	must(err)
	ensure(len(rules) == 1 && rules[0].Dport == "22", rules)
	must(rules[0].Delete(ctx))
}

func end(client *proxmox.Client, vm *proxmox.VirtualMachine) {
	step("its end")
	node, id := vm.Node, int(vm.VMID)
	done(vm.Delete(ctx, &proxmox.VirtualMachineDeleteOptions{Purge: true}))
	host, err := client.Node(ctx, node)
	must(err)
	_, err = host.VirtualMachine(ctx, id)
	ensure(err != nil, "it is still there")
}
