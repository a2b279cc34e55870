/**
 * The look-alikes of each ASCII letter in confusables.txt 17.0.0 of Unicode (https://www.unicode.org/Public/security/),
 * packed by `tests/_support/confusables.ts`. Copyright © Unicode, Inc. Terms of use: https://www.unicode.org/terms_of_use.html
 *
 * @module
 */

const PACKED = `

A:1ee9.2j12.2kg0.2khg.2kiw.2kkc.2kls.2kn8.2koo.2kq4.2krk.2kt0.2kug.2kvw.2kxc.pd.2kyw.2l0i.2l24.2l3q.2l5c.sw.3vu.4at.wku.20jk.1f34
B:1eea.6jw.2j13.2kg1.2khh.2kix.2klt.2kn9.2kop.2kq5.2krl.2kt1.2kuh.2kvx.2kxd.x4k.pe.2kyx.2l0j.2l25.2l3r.2l5d.8si.sy.3xw.4c7.wk0.1f2a.1f35.1f5t
C:2rf0.1jhl.1jhu.1eeb.6lp.6iq.6jx.2j14.2kg2.2khi.2kiy.2kke.2klu.2kq6.2krm.2kt2.2kui.2kvy.2kxe.s9.8tg.td.3xb.wka.1f36.1f5u.1fdh.1fks
D:6lq.6kl.2j15.2kg3.2khj.2kiz.2kkf.2klv.2knb.2kor.2kq7.2krn.2kt3.2kuj.2kvz.2kxf.3vk.4bi.4bu.wk3
E:6wv.1eed.6k0.2j16.2kg4.2khk.2kj0.2klw.2knc.2kos.2kq8.2kro.2kt4.2kuk.2kw0.2kxg.ph.2kz0.2l0m.2l28.2l3u.2l5g.t1.8xl.3vw.wkw.1jfq.1jfy.1f2e
F:2k2b.6k1.2j17.2kg5.2khl.2kj1.2klx.2knd.2kot.2kq9.2krp.2kt5.2kul.2kw1.2kxh.x3s.rg.2l6y.4ac.wkd.1jgi.1jfm.1f2f.1f39.1fl1
G:2j18.2kg6.2khm.2kj2.2kki.2kly.2kne.2kou.2kqa.2krq.2kt6.2kum.2kw2.2kxi.zw.3wg.3xv.wk6
H:1eeg.6iz.6j0.6j1.2j19.2kg7.2khn.2kj3.2klz.2kqb.2krr.2kt7.2kun.2kw3.2kxj.pj.2kz2.2l0o.2l2a.2l3w.2l5i.8su.t9.3wb.48s.wkn.1f4f
J:1eei.2j1b.2kg9.2khp.2kj5.2kkl.2km1.2knh.2kox.2kqd.2krt.2kt9.2kup.2kw5.2kxl.x4i.ov.so.3vv.425.wk9
K:6ju.1eej.2j1c.2kga.2khq.2kj6.2kkm.2km2.2kni.2koy.2kqe.2kru.2kta.2kuq.2kw6.2kxm.pm.2kz5.2l0r.2l2d.2l3z.2l5l.8t0.t6.3xi.4id.wk7.1fko
L:2k2y.6lo.6j6.2j1d.2kgb.2khr.2kj7.2km3.2knj.2koz.2kqf.2krv.2ktb.2kur.2kw7.2kxn.8uo.3xa.42y.wkh.20ie.1jfn.1jg2.1fdn.1fl2
M:1eel.6lr.6k3.2j1e.2kgc.2khs.2kj8.2km4.2knk.2kp0.2kqg.2krw.2ktc.2kus.2kw8.2kxo.po.2kz7.2l0t.2l2f.2l41.2l5n.sa.8t4.t8.3w7.4c0.4ie.wkf.1f3k.1f69
N:1eem.6j9.2j1f.2kgd.2kht.2kj9.2kkp.2km5.2knl.2kqh.2krx.2ktd.2kut.2kw9.2kxp.pp.2kz8.2l0u.2l2g.2l42.2l5o.8t6.wkg.1fkj
O:1c.1j4.2jq.9hj.1jhc.2j1s.2l72.2l7c.2l7m.2l7w.2l86.2sc0.1een.2j1g.2kge.2khu.2kja.2kkq.2km6.2knm.2kp2.2kqi.2kry.2kte.2kuu.2kwa.2kxq.pr.2kza.2l0w.2l2i.2l44.2l5q.8ta.ta.11x.8yc.3ps.274.1fia.wkz.1jg5.1f2q.1f3f.1fd0.1fkm.1kgw
P:1eeo.6jd.2j1h.2kgf.2khv.2kjb.2kkr.2km7.2knn.2kqj.2krz.2ktf.2kuv.2kwb.2kxr.pt.2kzc.2l0y.2l2k.2l46.2l5s.8te.8um.tc.3xe.419.wk1.1f2t
Q:6je.2j1i.2kgg.2khw.2kjc.2kks.2km8.2kno.2kqk.2ks0.2ktg.2kuw.2kwc.2kxs.8yd
R:2k2e.6jf.6jg.6jh.2j1j.2kgh.2khx.2kjd.2km9.2kql.2ks1.2kth.2kux.2kwd.2kxt.bq.3vl.3wy.1fhw.493.wkj.20j9
S:1eer.2j1k.2kgi.2khy.2kje.2kku.2kma.2knq.2kp6.2kqm.2ks2.2kti.2kuy.2kwe.2kxu.sl.11r.3x1.3x6.wki.20je.1f2u.1fds
T:6uc.7vd.2rfs.1ees.2j1l.2kgj.2khz.2kjf.2kkv.2kmb.2knr.2kp7.2kqn.2ks3.2ktj.2kuz.2kwf.2kxv.pw.2kzf.2l11.2l2n.2l49.2l5v.8ti.te.3vm.wk4.20i2.1jgc.1f2v.1f3l.1f6d
U:6qy.6v7.2j1m.2kgk.2ki0.2kjg.2kkw.2kmc.2kns.2kp8.2kqo.2ks4.2ktk.2kv0.2kwg.2kxw.11p.3k0.1fim.40c.wl0.20jm.1jg8
V:2k25.19j.1dj.6lg.2j1n.2kgl.2ki1.2kjh.2kkx.2kmd.2knt.2kp9.2kqp.2ks5.2ktl.2kv1.2kwh.2kxx.vo.8xk.3x5.3zj.wyn.wkm.20i0.1jfk.1fkt
W:1jhi.1jhr.2j1o.2kgm.2ki2.2kji.2kky.2kme.2knu.2kpa.2kqq.2ks6.2ktm.2kv2.2kwi.2kxy.10c.3w3.3x0.wkq
X:4fh.7eb.1f6q.1jho.1eew.6ll.2j1p.2kgn.2ki3.2kjj.2kkz.2kmf.2knv.2kpb.2kqr.2ks7.2ktn.2kv3.2kwj.2kxz.x4j.pz.2kzi.2l14.2l2q.2l4c.2l5y.8to.th.8yl.4hj.wkr.1f2o.1f3o.1f6f.1fl3
Y:1eex.2j1q.2kgo.2ki4.2kjk.2kl0.2kmg.2knw.2kpc.2kqs.2ks8.2kto.2kv4.2kwk.2ky0.px.r6.2kzg.2l12.2l2o.2l4a.2l5w.8tk.tf.xa.3vt.3wd.wks.20jn.1jfo.1f3m
Z:1jhh.1f5h.1eey.6jo.6js.2j1r.2kgp.2ki5.2kjl.2kl1.2kmh.2kqt.2ks9.2ktp.2kv5.2kwl.2ky1.pi.2kz1.2l0n.2l29.2l3v.2l5h.3wj.wkc.1jft
a:70a.1ef5.2kgq.2ki6.2kjm.2kl2.2kmi.2kny.2kpe.2kqu.2ksa.2ktq.2kv6.2kwm.2ky2.gh.q9.2kzm.2l18.2l2u.2l4g.2l62.ts
b:2kgr.2ki7.2kjn.2kl3.2kmj.2knz.2kpf.2kqv.2ksb.2ktr.2kv7.2kwn.2ky3.as.to.3wv.41e.4a7.20fq
c:1ef7.6m5.2kgs.2ki8.2kjo.2kl4.2kmk.2ko0.2kpg.2kqw.2ksc.2kts.2kv8.2kwo.2ky4.5qc.s2.8th.u9.35w.38a.xwv.1fel
d:6m6.6km.2kgt.2ki9.2kjp.2kl5.2kml.2ko1.2kph.2kqx.2ksd.2ktt.2kv9.2kwp.2ky5.zl.3xj.41b.wk2
e:6jy.1ef9.6jz.6kn.2kgu.2kia.2kjq.2kmm.2ko2.2kpi.2kqy.2kse.2ktu.2kva.2kwq.2ky6.xte.tx.xp
f:2kgv.2kib.2kjr.2kl7.2kmn.2ko3.2kpj.2kqz.2ksf.2ktv.2kvb.2kwr.2ky7.xth.x3t.b6.an.61p.138
g:1efb.6iy.2kgw.2kic.2kjs.2kmo.2ko4.2kpk.2kr0.2ksg.2ktw.2kvc.2kws.2ky8.gx.5tv.b1.135
h:1efc.6j2.2kgx.2kjt.2kl9.2kmp.2ko5.2kpl.2kr1.2ksh.2ktx.2kvd.2kwt.2ky9.xn.12o.3wi
i:kb.703.1efd.6ls.6k9.6ko.2kgy.2kie.2kju.2kla.2kmq.2ko6.2kpm.2kr2.2ksi.2kty.2kve.2kwu.2kya.8h.2kys.h6.h5.qh.69q.oq.2kzu.2l1g.2l32.2l4o.2l6a.8sz.uu.wuf.136.xv9.3vp.1jgj
j:1efe.6kp.2kgz.2kif.2kjv.2klb.2kmr.2ko7.2kpn.2kr3.2ksj.2ktz.2kvf.2kwv.2kyb.s3.uw
k:2kh0.2kig.2kjw.2klc.2kms.2ko8.2kpo.2kr4.2ksk.2ku0.2kvg.2kww.2kyc
l:14w.3g.6qr.73x.1ejs.1d.19d.1dd.1f6o.2ojr.2j1t.2l73.2l7d.2l7n.2l7x.2l87.2sc1.21.1eeh.6lc.6j4.6j5.2j1a.2kg8.2kho.2kj4.2km0.2kow.2kqc.2krs.2kt8.2kuo.2kw4.2kxk.ba.1efg.6m4.6j7.2kh1.2kih.2kjx.2kld.2kmt.2ko9.2kpp.2kr5.2ksl.2ku1.2kvh.2kwx.2kyd.cg.pl.2kz4.2l0q.2l2c.2l3y.2l5k.8sy.sm.y7.xs.15h.15r.17r.2pkw.2pog.1ea6.1ea5.1je.8y7.4ht.wky.20iw.1f2i.1f61.1kgq.1kgx.20fe
n:2kh3.2kij.2kjz.2klf.2kmv.2kob.2kpr.2kr7.2ksn.2ku3.2kvj.2kwz.2kyf.12w.130
o:2de.2gy.2ki.2o2.1uu.1ye.21y.25i.292.2cm.2g6.2na.2ts.2xc.37k.4ps.1iog.19h.1dh.1efj.6k4.2kh4.2kik.2kk0.2kmw.2koc.2kps.2kr8.2kso.2ku4.2kvk.2kx0.2kyg.5qn.5qp.xtp.qn.2l00.2l1m.2l38.2l4u.2l6g.qr.2l04.2l1q.2l3c.2l4y.2l6k.8tb.rx.u6.3cv.139.15t.18n.2plw.2pno.2pok.1ecr.1ecs.1ecq.1ecp.1by.1dpo.1dpp.1dpn.1dpm.1c1.1dpk.1dpl.1dpj.1dpi.1cl.2lc.36l.1fje.1jgo.1jh3.1fe4
p:704.1efk.2kh5.2kil.2kk1.2klh.2kmx.2kod.2kpt.2kr9.2ksp.2ku5.2kvl.2kx1.2kyh.72.cf.qp.s1.2l02.2l0g.2l1o.2l22.2l3a.2l3o.2l4w.2l5a.2l6i.2l6w.s8.8tf.8un.u8
q:2kh6.2kim.2kk2.2kli.2kmy.2koe.2kpu.2kra.2ksq.2ku6.2kvm.2kx2.2kyi.10b.12b.12e
r:2kh7.2kin.2kk3.2klj.2kmz.2kof.2kpv.2krb.2ksr.2ku7.2kvn.2kx3.2kyj.xtz.xu0.5ra.8sl.tv.xvl
s:1efn.2kh8.2kio.2kk4.2klk.2kn0.2kog.2kpw.2krc.2kss.2ku8.2kvo.2kx4.2kyk.x0x.cd.ut.2lb.xwq.1jgh.1few
t:2kh9.2kip.2kk5.2kll.2kn1.2koh.2kpx.2krd.2kst.2ku9.2kvp.2kx5.2kyl
u:2kha.2kiq.2kk6.2klm.2kn2.2koi.2kpy.2kre.2ksu.2kua.2kvq.2kx6.2kym.x3z.5r0.xu6.xua.i3.qt.2l06.2l1s.2l3e.2l50.2l6m.131.1fjq.1jh4
v:6qw.6v5.1efq.6lw.2khb.2kir.2kk7.2kln.2kn3.2koj.2kpz.2krf.2ksv.2kub.2kvr.2kx7.2kyn.5r4.ql.2kzy.2l1k.2l36.2l4s.2l6e.vp.15k.1j46.xwp.1jgg
w:hb.2khc.2kis.2kk8.2klo.2kn4.2kok.2kq0.2krg.2ksw.2kuc.2kvs.2kx8.2kyo.5r5.8u5.v5.ug.10d.129.1j4a.1j4e.1j4f.xvn
x:4fi.5z.84r.84s.8bz.1efs.6m1.2khd.2kit.2kk9.2klp.2kn5.2kol.2kq1.2krh.2ksx.2kud.2kvt.2kx9.2kyp.ud.475.48t
y:gz.5u4.1eft.2khe.2kiu.2kka.2klq.2kn6.2kom.2kq2.2kri.2ksy.2kue.2kvu.2kxa.2kyq.i7.64f.xui.qb.6kd.2kzo.2l1a.2l2w.2l4i.2l64.8tl.ub.xb.3c7.1jh8
z:2khf.2kiv.2kkb.2klr.2kn7.2kon.2kq3.2krj.2ksz.2kuf.2kvv.2kxb.2kyr.5r6.xw3.1jgk
`;

/** Each ASCII letter with all characters that look like it. */
export const LOOKALIKES: ReadonlyMap<string, readonly string[]> = new Map(
  PACKED.trim().split(/\s+/).map((group) => {
    const points = group.slice(2).split(".").map((point) => parseInt(point, 36));
    return [group[0]!, points.map((point) => String.fromCodePoint(point))];
  }),
);
