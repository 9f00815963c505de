namespace MLNetExtensions.Onnx;

/// <summary>The types of tensors, by their numbers in the format.</summary>
internal enum OnnxType
{
    Single = 1,
    Byte = 2,
    SByte = 3,
    UInt16 = 4,
    Int16 = 5,
    Int32 = 6,
    Int64 = 7,
    String = 8,
    Boolean = 9,
    Half = 10,
    Double = 11,
    UInt32 = 12,
    UInt64 = 13,
}
