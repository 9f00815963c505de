using Microsoft.ML;
using Microsoft.ML.Data;

namespace FewShot;

/// <summary>A drawing of a character.</summary>
internal sealed class CharacterImage
{
    /// <summary>The grey values from 0, the background, up, row by row.</summary>
    public float[] Pixels { get; set; } = [];

    /// <summary>What it is.</summary>
    public string Class { get; set; } = "";

    /// <summary>What the model is told that it is; empty where it is asked.</summary>
    public string Shown { get; set; } = "";

    /// <summary>A view of images of one size, which is known from the type of the column.</summary>
    public static IDataView View(MLContext mlContext, IReadOnlyList<CharacterImage> images)
        => mlContext.Data.LoadFromEnumerable(images, Schema(images[0].Pixels.Length));

    /// <summary>The columns of images of so many pixels.</summary>
    public static SchemaDefinition Schema(int pixels)
    {
        var schema = SchemaDefinition.Create(typeof(CharacterImage));
        schema[nameof(Pixels)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, pixels);
        return schema;
    }
}

/// <summary>Drawings of characters to learn what drawings are like, and of others that are met afterwards; all of one size.</summary>
internal sealed record CharacterSet(int Height, int Width, CharacterImage[] Known, CharacterImage[] New);
