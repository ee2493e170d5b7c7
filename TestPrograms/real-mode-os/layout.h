// How a 1.44 MB diskette is laid out under FAT12, and where the kernel lies in memory.
//
//   sector  0        boot sector
//           1 - 18   two FATs
//           19 - 32  root directory
//           33 -     data; the first cluster is number 2
#define SECTOR_SIZE 512
#define SECTORS 2880
#define TRACK_SECTORS 18
#define HEADS 2
#define MEDIUM 0xf0
#define FAT_START 1
#define FAT_COUNT 2
#define FAT_SECTORS 9
#define ROOT_START 19
#define ROOT_ENTRIES 224
#define ROOT_SECTORS 14
#define DATA_START 33
#define CLUSTERS (SECTORS - DATA_START)
#define LAST_CLUSTER 0xff8

#define KERNEL_SEGMENT 0x1000
