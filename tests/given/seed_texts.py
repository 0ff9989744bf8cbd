# SPDX-License-Identifier: BSD-3-Clause
"""Small text files of formats that headfield reads and does not write, for `fuzz.py` to damage."""

MSH41 = """$MeshFormat
4.1 0 8
$EndMeshFormat
$Entities
0 0 0 1
1 0 0 0 50 50 50 1 5 0
$EndEntities
$Nodes
1 4 1 4
3 1 0 4
1
2
3
4
0 0 0
50 0 0
0 50 0
0 0 50
$EndNodes
$Elements
1 1 1 1
3 1 4 1
1 1 2 3 4
$EndElements
$ElementData
1
"E"
1
0
3
0
1
1
1 2.5
$EndElementData
"""
MKSS = """##INVESALIUS3_MARKER_FILE_0
x\ty\tz\talpha\tbeta\tgamma\tlabel\tx_world\ty_world\tz_world\talpha_world\tbeta_world\tgamma_world
60.5\t41.2\t150.0\t12.0\t-35.0\t170.0\t"M1"\t60.5\t208.8\t150.0\t12.0\t-35.0\t170.0
1.0\t2.0\t3.0\tNone\tNone\tNone\t"LEI"\tNone\tNone\tNone\tNone\tNone\tNone
"""
NBE = """Coordinate system: MRI coordinate system
Landmarks (mm)
\tx\ty\tz\tLandmark Type
\t84.6\t107.3\t201.5\tMRI landmark: Nose/Nasion
\t140.9\t78.5\t94.8\tMRI landmark: Left ear
\t4.1\t90.1\t111.3\tMRI landmark: Right ear
\t\tTime\tCoil\t\t\tCoil\t\t\tCoil\t\t\tEF max.
\tID\t(ms)\tLoc.\t\t\tNormal\t\t\tDir.\t\t\tLoc.
\t\t\tx\ty\tz\tx\ty\tz\tx\ty\tz\tx
\t1.2.11.\t96286\t130.6\t192.5\t103.7\t0.7584\t0.6509\t-0.0339\t-0.1679\t0.2453\t0.9548\t115.0
\t1.2.12.\t96286\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-
"""
GUM = (
    '<?xml version="1.0" encoding="UTF-16"?><GUMMarkerList coordinateSpace="LPS">'
    '<Element type="InstrumentMarker"><InstrumentMarker description="M1" set="true"><Matrix4D '
    + " ".join(f'data{i}{j}="{(1, -1, -1, 1)[i] * (i == j)}"' for i in range(4) for j in range(4))
    + "/></InstrumentMarker></Element></GUMMarkerList>"
)
EEG = """Fiducial,0.5,94.3,-28.1,Nz
Electrode,-65.3,-13.2,68.1,C3
ReferenceElectrode,66.0,-14.0,67.0,C4
"""
STL = """solid box
facet normal 0 0 1
outer loop
vertex 0 0 0
vertex 50 0 0
vertex 0 50 0
endloop
endfacet
facet normal 0 1 0
outer loop
vertex 0 0 0
vertex 50 0 0
vertex 0 0 -20
endloop
endfacet
endsolid box
"""
